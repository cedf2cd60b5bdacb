"""Checkerboards: how unevenly a transposed convolution covers its output."""

import dataclasses

import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxdeconv.errors import reporting
from jaxdeconv.operators.convolution import ConvOperator

__all__ = ["Checkerboard", "checkerboard", "overlap_count"]


@reporting
def overlap_count(K: ConvOperator) -> np.ndarray:
    """How many taps of `K.T` add to each cell of v: `(*input_size)`.

    These are the column sums of K for a kernel of ones and one channel.

    Args:
        K: any ConvOperator.

    Cost: output positions times taps, per axis.

    Example:
        >>> K = ConvOperator(jnp.ones((3, 1, 1)), (7, 1), stride=2)
        >>> overlap_count(K).tolist()
        [1, 1, 2, 1, 2, 1, 1]
    """
    counts = np.ones((), int)
    for axis, size in enumerate(K.geometry.input_size):
        cells = K.cells_read(axis)
        along = np.bincount(cells[cells >= 0], minlength=size)
        counts = counts[..., None] * along
    return counts


@dataclasses.dataclass(frozen=True)
class Checkerboard:
    """The output of a transposed convolution for constant input, away from the border.

    Attributes:
        divisible: per axis, whether every cell is covered by the same number of taps.
        counts: taps per cell of one period, `(*stride)`.
        response: `K.T 1` over one period for this kernel, `(*stride, in)`.
        contrast: (largest - smallest) / largest absolute value of `response`, per input channel. 0
            means no checkerboard, which a trained kernel of any size may reach.
    """

    divisible: tuple[bool, ...]
    counts: np.ndarray
    response: Array
    contrast: Array

    def __str__(self) -> str:
        even = "every cell is covered by the same number of taps"
        if not all(self.divisible):
            axes = [axis for axis, fine in enumerate(self.divisible) if not fine]
            even = (
                f"stride does not divide the kernel along axis {', '.join(map(str, axes))}: "
                f"{self.counts.min()} to {self.counts.max()} taps per cell"
            )
        return f"{even}; contrast of this kernel {float(jnp.max(self.contrast)):.3g}\n{self.counts}"

    __repr__ = __str__  # what a notebook shows


@reporting
def checkerboard(K: ConvOperator) -> Checkerboard:
    """Whether `K.T` produces a checkerboard, by the kernel's size and by its values.

    Args:
        K: any ConvOperator.

    Example:
        >>> K = ConvOperator(jnp.ones((3, 3, 1, 1)), (9, 9, 1), stride=2)
        >>> print(checkerboard(K))
        stride does not divide the kernel along axis 0, 1: 1 to 4 taps per cell; \
contrast of this kernel 0.75
        [[4 2]
         [2 1]]

    References: Odena, Dumoulin & Olah 2016, doi:10.23915/distill.00003.
    """
    geometry, w = K.geometry, K.canonical_kernel
    # Tap t adds to the cells x = stride*y + dilation*t - low, which are equal modulo the stride.
    residues = [
        (d * np.arange(k) - low) % s
        for k, d, s, (low, _) in zip(
            geometry.kernel_size, geometry.dilation, geometry.stride, geometry.padding, strict=True
        )
    ]
    counts = np.ones((), int)
    for residue, s in zip(residues, geometry.stride, strict=True):
        counts = counts[..., None] * np.bincount(residue, minlength=s)
    divisible = tuple(
        len(set(np.bincount(residue, minlength=s).tolist())) == 1
        for residue, s in zip(residues, geometry.stride, strict=True)
    )
    in_channels = geometry.groups * w.shape[-2]
    added = w.reshape(*w.shape[:-1], geometry.groups, -1).sum(-1).swapaxes(-1, -2)
    added = added.reshape(*geometry.kernel_size, in_channels)
    response = jnp.zeros((*geometry.stride, in_channels), K.dtype)
    response = response.at[np.ix_(*residues)].add(added)
    flat = response.reshape(-1, response.shape[-1])
    largest = jnp.max(jnp.abs(flat), axis=0)
    spread = jnp.max(jnp.abs(flat - flat[:1]), axis=0)
    if not jnp.issubdtype(K.dtype, jnp.complexfloating):
        spread = jnp.max(flat, axis=0) - jnp.min(flat, axis=0)
    return Checkerboard(divisible, counts, response, spread / jnp.where(largest == 0, 1, largest))
