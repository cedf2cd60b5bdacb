"""Faults of a convolution: its transpose derived from numbers that are slightly wrong."""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jax import Array

from benchmarks.verification.convolutions import ConvSpec
from benchmarks.verification.pair import Pair
from benchmarks.verification.wrong_maps import Fault, Map
from jaxdeconv.verify.diagnose import Cause

__all__ = ["FAULTS"]


def _respecified(change: Callable[[ConvSpec], ConvSpec | None]) -> Fault:
    """The adjoint of another convolution, which must map between the same shapes."""

    def make(pair: Pair) -> Map | None:
        other = change(pair.conv) if pair.conv else None
        return None if other is None else other.adjoint()

    return make


def _on_conv(change: Callable[[ConvSpec, Array], Array], *, side: str = "result") -> Fault:
    """change(spec, At u), or At(change(spec, u))."""

    def make(pair: Pair) -> Map | None:
        if not pair.conv:
            return None
        if side == "result":
            return lambda u: change(pair.conv, pair.At(u))
        return lambda u: pair.At(change(pair.conv, u))

    return make


def _flipped(*which: int) -> Fault:
    """The kernel reversed along spatial axes, by their place among them."""

    def change(spec: ConvSpec) -> ConvSpec | None:
        axes = which or tuple(range(len(spec.spatial)))
        if max(axes) >= len(spec.spatial):
            return None
        return spec.replace(kernel=np.flip(spec.kernel, axes).copy())

    return _respecified(change)


def _sides_exchanged(axes: slice) -> Fault:
    def change(spec: ConvSpec) -> ConvSpec:
        padding = list(spec.padding)
        padding[axes] = [(high, low) for low, high in padding[axes]]
        return spec.replace(padding=tuple(padding))

    return _respecified(change)


def _kernel_transposed(spec: ConvSpec) -> ConvSpec | None:
    if len(spec.spatial) < 2 or spec.kernel.shape[0] != spec.kernel.shape[1]:
        return None
    return spec.replace(kernel=np.swapaxes(spec.kernel, 0, 1).copy())


def _roles_exchanged(spec: ConvSpec) -> ConvSpec | None:
    if spec.kernel.shape[-1] != spec.kernel.shape[-2]:
        return None
    return spec.replace(kernel=np.swapaxes(spec.kernel, -1, -2).copy())


def _tap(weight: int, extra: int, *, one_channel: bool = False) -> Fault:
    """The last tap times weight plus extra, for all channels or for one pair of them."""

    def change(spec: ConvSpec) -> ConvSpec:
        kernel = spec.kernel.copy()
        last = (-1,) * len(spec.spatial)
        place = (*last, 0, 0) if one_channel else last
        kernel[place] = (kernel[place] * weight + extra).astype(kernel.dtype)
        return spec.replace(kernel=kernel)

    return _respecified(change)


def _dilation_changed(by: int) -> Fault:
    """Another dilation of the first axis, its padding made up at the high side."""

    def change(spec: ConvSpec) -> ConvSpec | None:
        (low, high), *rest = spec.padding
        grown = high + by * (spec.kernel.shape[0] - 1)
        if spec.dilation[0] + by < 1 or spec.kernel.shape[0] < 2 or spec.mode != "zeros":
            return None
        padding = ((low, grown), *rest)
        return spec.replace(dilation=(spec.dilation[0] + by, *spec.dilation[1:]), padding=padding)

    return _respecified(change)


def _cropped(spec: ConvSpec) -> ConvSpec | None:
    return None if spec.mode == "zeros" else spec.replace(mode="zeros")


def _other_fold(spec: ConvSpec) -> ConvSpec | None:
    other = {"reflect": "symmetric", "symmetric": "reflect", "circular": "reflect"}.get(spec.mode)
    return None if other is None else spec.replace(mode=other)


def _phases(order: Callable[[np.ndarray, int], np.ndarray]) -> Fault:
    """Residues of the first axis modulo its stride in another order; negative ones are lost."""

    def make(pair: Pair) -> Map | None:
        if not pair.conv or pair.conv.stride[0] < 2:
            return None
        n, s = pair.conv.shape[1], pair.conv.stride[0]
        index = np.arange(n)
        source = order(index, s)
        kept = ((source >= 0) & (source < n)).reshape(-1, *(1,) * len(pair.conv.spatial))

        def wrong(u: Array) -> Array:
            v = pair.At(u)
            taken = jnp.take(v, jnp.asarray(np.clip(source, 0, n - 1)), 1)
            return jnp.where(kept, taken, jnp.zeros((), v.dtype))

        return wrong

    return make


def _no_output_padding(spec: ConvSpec, v: Array) -> Array:
    """Computed for the smallest input size, filled up with zeros."""
    kept = v[(slice(None), *(slice(0, n) for n in spec.smallest))]
    grow = [(0, n - m) for n, m in zip(spec.shape[1:-1], spec.smallest, strict=True)]
    return jnp.pad(kept, ((0, 0), *grow, (0, 0)))


def _grouped_roll(spec: ConvSpec, x: Array) -> Array:
    return jnp.roll(x, x.shape[-1] // spec.groups, -1) if spec.groups > 1 else x


FAULTS: dict[str, tuple[Cause | None, Fault]] = {
    "kernel not flipped along the first axis": (Cause.KERNEL_FLIP, _flipped(0)),
    "kernel not flipped along the second axis": (Cause.KERNEL_FLIP, _flipped(1)),
    "kernel not flipped": (Cause.KERNEL_FLIP, _flipped()),
    "padding sides exchanged, first axis": (Cause.PADDING_SIDE, _sides_exchanged(slice(0, 1))),
    "padding sides exchanged": (Cause.PADDING_SIDE, _sides_exchanged(slice(None))),
    "channels of the result rolled": (
        Cause.PERMUTED,
        _on_conv(lambda _, v: jnp.roll(v, 1, -1)),
    ),
    "channels of the argument reversed": (
        Cause.PERMUTED,
        _on_conv(lambda _, u: jnp.flip(u, -1), side="argument"),
    ),
    "groups of the result rolled": (Cause.PERMUTED, _on_conv(_grouped_roll)),
    "groups of the argument rolled": (Cause.PERMUTED, _on_conv(_grouped_roll, side="argument")),
    "channels in and out exchanged": (Cause.PERMUTED, _respecified(_roles_exchanged)),
    "mean over the kernel": (
        Cause.SCALE,
        _on_conv(lambda spec, v: v / jnp.asarray(spec.kernel[..., 0].size, v.dtype)),
    ),
    "divided by the stride": (
        Cause.SCALE,
        _on_conv(lambda spec, v: v / jnp.asarray(int(np.prod(spec.stride)), v.dtype)),
    ),
    "phases exchanged": (Cause.STRIDE_PHASE, _phases(lambda i, s: i - 2 * (i % s) + s - 1)),
    "phases rolled": (Cause.STRIDE_PHASE, _phases(lambda i, s: i - i % s + (i + 1) % s)),
    "one phase alone": (Cause.STRIDE_PHASE, _phases(lambda i, s: np.where(i % s == 0, i, -1))),
    "output padding left zero": (Cause.OUTPUT_PADDING, _on_conv(_no_output_padding)),
    "border cropped": (Cause.CROPPED_BORDER, _respecified(_cropped)),
    "border folded otherwise": (None, _respecified(_other_fold)),
    "axes of the kernel exchanged": (Cause.SWAPPED_AXES, _respecified(_kernel_transposed)),
    "one tap wrong": (Cause.WRONG_TAP, _tap(1, 1)),
    "one tap missing": (Cause.WRONG_TAP, _tap(0, 0)),
    "one tap of one channel wrong": (Cause.WRONG_TAP, _tap(1, 1, one_channel=True)),
    "dilation one less": (Cause.SPACING, _dilation_changed(-1)),
    "dilation one more": (Cause.SPACING, _dilation_changed(1)),
}
"""name -> (cause, fault)."""
