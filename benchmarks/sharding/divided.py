"""One random leg with its gradients on eight devices, against the numbers of one device."""

import dataclasses
from collections.abc import Callable
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.sharding import Mesh, NamedSharding

from benchmarks.jax_contestants import dimension_numbers
from benchmarks.sharding.layouts import Drawn, draw
from jaxdeconv import conv, conv_transpose, kernel_gradient
from jaxdeconv.algorithms.contract import integers
from jaxdeconv.sharding.collectives import GATHERS, collectives

__all__ = ["LEGS", "ROLES", "WHO", "Outcome", "outcome"]

WHO = ("ours", "stock")

LEGS = ("K", "K^T", "G")

ROLES = ("vwu", "uwv", "uvw")
"""Of the operands and the result of each leg."""

_NUMPY_MODES = {"circular": "wrap", "replicate": "edge"}

Leg = Callable[[Array, Array], Array]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of one layout.

    Attributes:
        case: its seed.
        sensible: see `layouts.draw`.
        leg: of `LEGS`.
        who: of `WHO`.
        jax: the version.
        wrong: how many entries differ from one device's, by the role of the array.
        error: why there is no result; ''.
        gathers: all-gathers and all-to-alls of the compiled program.
        whole: those whose result is as large as v or u, of which no device should hold all.
    """

    case: int
    sensible: bool
    leg: str
    who: str
    jax: str
    wrong: dict[str, int]
    error: str = ""
    gathers: int = 0
    whole: int = 0

    @classmethod
    def failed(cls, case: int, sensible: bool, who: str, error: str) -> Self:
        """Of a case without a result."""
        leg = LEGS[case % 3]
        return cls(case, sensible, leg, who, jax.__version__, {}, f"{case}: {error}")


def outcome(case: int, sensible: bool, who: str) -> Outcome:
    """Run a leg and its two gradients on a mesh of eight devices.

    The right numbers are ours on one device. They are integers, so no order of summation matters.

    Args:
        case: a seed; it also chooses the leg.
        sensible: see `layouts.draw`.
        who: of `WHO`.

    Raises:
        AssertionError: `who` has other numbers on one device: the two are not the same leg.
        Exception: whatever JAX and XLA raise.
    """
    one, number = draw(np.random.default_rng(case), sensible), case % 3
    roles = ROLES[number]
    data = [integers(one.shapes[role], seed=i) for i, role in enumerate(roles)]
    right = jax.jit(_with_gradients(_ours(one)[number]))(*data)
    fun = _with_gradients({"ours": _ours, "stock": _stock}[who](one)[number])
    if who != "ours":
        alone = jax.jit(fun)(*data)
        same = all(np.array_equal(*both) for both in zip(alone, right, strict=True))
        assert same, f"{who} on one device: other numbers"
    mesh = Mesh(np.array(jax.devices()).reshape(tuple(one.mesh.values())), tuple(one.mesh))
    first, second, last = shardings = [NamedSharding(mesh, one.specs[role]) for role in roles]
    out = (last, first, second) if sensible else None
    put = list(map(jax.device_put, data, shardings))
    divided = jax.jit(fun, out_shardings=out).lower(*put).compile()
    got = zip((roles[2], *roles[:2]), divided(*put), right, strict=True)
    found = [each.bytes for each in collectives(divided.as_text()) if each.kind in GATHERS]
    signal = min(4 * int(np.prod(one.shapes[role])) for role in "vu")
    return Outcome(
        case,
        sensible,
        LEGS[number],
        who,
        jax.__version__,
        {role: int((np.asarray(a) != np.asarray(b)).sum()) for role, a, b in got},
        gathers=len(found),
        whole=sum(count >= signal for count in found),
    )


def _with_gradients(leg: Leg) -> Callable[[Array, Array, Array], tuple[Array, ...]]:
    """The result, and the gradients in both operands: the other two legs."""

    def both(x: Array, y: Array, cotangent: Array) -> tuple[Array, ...]:
        result, back = jax.vjp(leg, x, y)
        return result, *back(cotangent)

    return both


def _ours(one: Drawn) -> tuple[Leg, Leg, Leg]:
    keywords, geometry = one.keywords, one.geometry
    return (
        lambda v, w: conv(v, w, **keywords),
        lambda u, w: conv_transpose(u, w, input_size=geometry.input_size, **keywords),
        lambda u, v: kernel_gradient(u, v, kernel_size=geometry.kernel_size, **keywords),
    )


def _stock(one: Drawn) -> tuple[Leg, Leg, Leg]:
    """K by `lax`, the others as autodiff makes them of it.

    Negative padding is cropped first: jaxlib 0.10's convolution reads outside of its buffer where
    one side is negative (openxla/xla#48713).
    """
    geometry, shapes = one.geometry, one.shapes

    def forward(v: Array, w: Array) -> Array:
        padding = [(max(low, 0), max(high, 0)) for low, high in geometry.padding]
        if one.padding_mode != "zeros":
            mode: Any = _NUMPY_MODES.get(one.padding_mode, one.padding_mode)
            v, padding = jnp.pad(v, [(0, 0), *padding, (0, 0)], mode), [(0, 0)] * len(padding)
        for axis, (low, high) in enumerate(geometry.padding, start=1):
            v = lax.slice_in_dim(v, max(-low, 0), v.shape[axis] - max(-high, 0), axis=axis)
        return lax.conv_general_dilated(
            v,
            w,
            geometry.stride,
            padding,
            rhs_dilation=geometry.dilation,
            dimension_numbers=dimension_numbers(geometry.ndim),
            feature_group_count=geometry.groups,
        )

    def transposed(u: Array, w: Array) -> Array:
        return jax.vjp(lambda v: forward(v, w), jnp.zeros(shapes["v"]))[1](u)[0]

    def gradient(u: Array, v: Array) -> Array:
        return jax.vjp(lambda w: forward(v, w), jnp.zeros(shapes["w"]))[1](u)[0]

    return forward, transposed, gradient
