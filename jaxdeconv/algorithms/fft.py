"""All three legs by fast Fourier transforms, for kernels of hundreds of taps.

Along a dimension of stride s the taps t = s*a + r of one r, and the cells p = s*q + r of the padded
v that they meet, are channels of a convolution of stride 1; along one of dilation d, the positions
y = d*y' + r of u, and the cells p = d*q + r, are images of a convolution without dilation:

    u[y, r_u] = sum over a, r of v[y + a, r_u, r] w[a, r]

So nothing is multiplied by an inserted zero. With the transforms v^, w^, u^ of length N >= the q,
over which nothing that is read wraps around, the three legs are products at every frequency:

    K: u^ = v^ conj(w^)        K^T: v^ = u^ w^        G: w^ = v^ conj(u^)

(conj stands for the transform with the other sign: nothing is conjugated in complex convolutions).

Every entry's error is at most `error(problem)` times |x| |y|, the Euclidean norms of the operands:
the largest entry that operands of these norms can have. It is relative to large entries, not to
each: a small entry beside large ones may have no correct digit. A NaN or an infinity reaches every
entry of its image and group.

Cost: `batch * in + in * out + batch * out` transforms, each of prod(N) log2(prod(N)), and products
as those of a kernel of one tap at prod(N) places: whatever the number of taps.
References: Higham 2002, Accuracy and Stability of Numerical Algorithms, theorem 24.2.
"""

import dataclasses
import functools
import itertools
import math
from collections.abc import Iterable

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxdeconv.algorithms.leg import LEGS
from jaxdeconv.algorithms.problem import Algorithm, Problem, Work
from jaxdeconv.geometry import ConvGeometry

_AXES = {"v": "bgc...", "w": "gco...", "u": "bgo..."}
"""Of what is transformed: images, groups, channels of v, of u; then the cells or frequencies."""

_REVERSED = {"conv": "w", "conv_transpose": "", "kernel_gradient": "u"}
"""The operand that is transformed with the other sign."""


def apply(x: Array, y: Array, problem: Problem) -> Array:
    """Any leg, on canonical operands."""
    leg, size = LEGS[problem.leg], lengths(problem)
    first, second = (
        _transform(_split(role, array, problem), size, role == _REVERSED[leg.name])
        for role, array in zip(leg.operands, (x, y), strict=True)
    )
    product = _products(first, second, problem)
    axes = tuple(range(-len(size), 0))
    if problem.accumulator.kind == "c":
        cells = jnp.fft.ifftn(product, axes=axes)
    else:
        cells = jnp.fft.irfftn(product, size, axes)
    return _join(leg.result, cells, problem)


def _transform(cells: Array, size: tuple[int, ...], reverse: bool) -> Array:
    """Over the last axes, padded with zeros to `size`; half the frequencies if it is real."""
    axes = tuple(range(-len(size), 0))
    if jnp.iscomplexobj(cells):
        if reverse:
            return jnp.fft.ifftn(cells, size, axes, norm="forward")
        return jnp.fft.fftn(cells, size, axes)
    half = jnp.fft.rfftn(cells, size, axes)
    return half.conj() if reverse else half


def _products(x: Array, y: Array, problem: Problem) -> Array:
    """The product of matrices at every frequency."""
    leg = LEGS[problem.leg]
    first, second, result = (_AXES[role] for role in (*leg.operands, leg.result))
    return jnp.einsum(f"{first},{second}->{result}", x, y, precision=lax.Precision.HIGHEST)


@dataclasses.dataclass(frozen=True)
class _View:
    """How a canonical array is seen in `_AXES`.

    Attributes:
        pads: of every axis, so that the residues divide the spatial ones; negative ones crop.
        padded: the shape with that.
        parted: the shape whose spatial axes are each three: cells, residues of the dilation (which
            are images), residues of the stride (channels).
        order: of these axes, the cells last.
        merged: the shape in `_AXES`.
    """

    pads: tuple[tuple[int, int], ...]
    padded: tuple[int, ...]
    parted: tuple[int, ...]
    order: tuple[int, ...]
    merged: tuple[int, ...]

    @classmethod
    def of(cls, role: str, problem: Problem) -> "_View":
        """The view of the array in a role."""
        geometry, ndim = problem.geometry, problem.geometry.ndim
        groups, c, o = geometry.groups, problem.in_per_group, problem.out_per_group
        cells, ones = _cells(geometry)[role], (1,) * ndim
        images = ones if role == "w" else geometry.dilation
        channels = ones if role == "u" else geometry.stride
        each = list(zip(cells, images, channels, strict=True))
        spread = tuple(map(math.prod, each))
        lead, shape = ((), problem.shape(role)) if role == "w" else ((-1,), problem.shape(role)[1:])
        lows = [low if role == "v" else 0 for low, _ in geometry.padding]
        pads = [(low, m - n - low) for low, m, n in zip(lows, spread, shape[:ndim], strict=True)]
        tail = {"v": (groups, c), "w": (c, groups, o), "u": (groups, o)}[role]
        begin, end = len(lead), len(lead) + 3 * ndim
        q, d, s = (range(begin + i, end, 3) for i in range(3))
        of_v = math.prod(channels) * (o if role == "u" else c)
        group_axis = end + 1 if role == "w" else end
        rest = (end, end + 2) if role == "w" else (end + 1,)
        merged = (groups, of_v, o) if role == "w" else (-1, groups, of_v)
        return cls(
            (*([(0, 0)] * begin), *pads, *([(0, 0)] * (len(shape) - ndim))),
            (*lead, *spread, *shape[ndim:]),
            (*lead, *itertools.chain(*each), *tail),
            (*range(begin), *d, group_axis, *s, *rest, *q),
            (*merged, *cells),
        )


def _split(role: str, x: Array, problem: Problem) -> Array:
    """A canonical array in `_AXES`."""
    view = _View.of(role, problem)
    padded = _padded(x.astype(problem.accumulator), view.pads)
    return padded.reshape(view.parted).transpose(view.order).reshape(view.merged)


def _join(role: str, x: Array, problem: Problem) -> Array:
    """The canonical array of what is in `_AXES`: the transpose of `_split`."""
    view = _View.of(role, problem)
    for axis in range(-problem.geometry.ndim, 0):
        x = lax.slice_in_dim(x, 0, view.merged[axis], axis=axis)
    moved = x.reshape([view.parted[axis] for axis in view.order])
    padded = moved.transpose(np.argsort(view.order)).reshape(view.padded)
    return _padded(padded, [(-low, -high) for low, high in view.pads])


def _padded(x: Array, pads: Iterable[tuple[int, int]]) -> Array:
    return lax.pad(x, jnp.zeros((), x.dtype), [(low, high, 0) for low, high in pads])


def _cells(geometry: ConvGeometry) -> dict[str, tuple[int, ...]]:
    """How many q, a and y' there are along every dimension, by the array whose cells they are."""
    taps = [-(-k // s) for k, s in zip(geometry.kernel_size, geometry.stride, strict=True)]
    places = [-(-o // d) for o, d in zip(geometry.output_size, geometry.dilation, strict=True)]
    reach = [y + a - 1 for y, a in zip(places, taps, strict=True)]
    return {"v": tuple(reach), "w": tuple(taps), "u": tuple(places)}


def lengths(problem: Problem) -> tuple[int, ...]:
    """Of the transforms: the least that libraries are fast at and over which nothing wraps."""
    return tuple(map(_fast_length, _cells(problem.geometry)["v"]))


@functools.cache
def _fast_length(n: int) -> int:
    """The least product of 2, 3, 5 and 7 that is at least n."""
    best = 1 << (n - 1).bit_length()
    for three in _powers(3, best):
        for five in _powers(5, best // three):
            for seven in _powers(7, best // (three * five)):
                odd = three * five * seven
                best = min(best, odd << (-(-n // odd) - 1).bit_length())
    return best


def _powers(base: int, most: int) -> list[int]:
    return [base**i for i in itertools.takewhile(lambda i: base**i <= most, itertools.count())]


def error(problem: Problem) -> float:
    """The largest error of an entry, over the product of the Euclidean norms of both operands.

    Three transforms, each of relative error 7 u log2(N) in the norm (Higham's theorem, to first
    order in the unit roundoff u), and the sums of products at every frequency, in their norms.
    """
    size, geometry = math.prod(lengths(problem)), problem.geometry
    summed = {
        "conv": math.prod(geometry.stride) * problem.in_per_group,
        "conv_transpose": problem.out_per_group,
        "kernel_gradient": problem.batch_size * math.prod(geometry.dilation),
    }[problem.leg]
    eps = float(jnp.finfo(problem.accumulator).eps)
    return eps * (10 * math.log2(size + 1) + 2 + summed)


def _reject(problem: Problem, platform: str) -> str:  # noqa: ARG001
    geometry = problem.geometry
    if problem.is_integer:
        return "the transforms of integers are not integers"
    if not 1 <= geometry.ndim <= 3:
        return "XLA has Fourier transforms of one to three dimensions"
    if problem.partitioned:
        return "every frequency depends on the whole signal, which XLA would gather"
    if any(s > 1 < d for s, d in zip(geometry.stride, geometry.dilation, strict=True)):
        return "only for stride 1 or dilation 1 along every dimension"
    return ""


def _amounts(problem: Problem) -> tuple[float, float, float]:
    """Multiply-adds of the transforms and of the products, and bytes of all that is transformed."""
    geometry, size = problem.geometry, lengths(problem)
    groups, strides = geometry.groups, math.prod(geometry.stride)
    images = problem.batch_size * math.prod(geometry.dilation)
    c, o = strides * problem.in_per_group, problem.out_per_group
    real = 1 if problem.accumulator.kind == "c" else 2
    cells = math.prod(size)
    arrays = groups * (images * c + c * o + images * o)
    transforms = 2.5 / real * cells * math.log2(cells + 1) * arrays
    products = 4 / real * cells * groups * images * c * o
    width = problem.accumulator.itemsize
    return transforms, products, float(2 * cells * arrays * width)


def _work(problem: Problem) -> Work:
    transforms, products, memory = _amounts(problem)
    return Work(transforms + products, 1, 1, moved=2 * memory, calls=8, memory=memory, vector=True)


def _seconds(problem: Problem) -> float:
    """By a rule of thumb: rates that fit a 2-core Xeon within a factor of two, in float32."""
    transforms, products, memory = _amounts(problem)
    wide = jnp.finfo(problem.accumulator).bits / 32
    return 3e-5 + wide * (transforms / 8e9 + products / 1.3e9) + memory / 8e9


FFTS = {
    leg: Algorithm("fft", apply, _reject, _work, lambda problem: True, _seconds, error)  # noqa: ARG005
    for leg in LEGS
}
"""By leg; on request alone."""
