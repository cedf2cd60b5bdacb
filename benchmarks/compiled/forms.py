"""The legs and their training steps: stock JAX's, and ours."""

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
from jax import Array, lax

import jaxdeconv
from benchmarks.compiled.problems import Case

__all__ = ["COLUMNS", "Form", "forms"]

COLUMNS = ("K", "K^T", "G", "step K", "step K^T")


class Form(NamedTuple):
    """One way to compute one column of a case.

    Attributes:
        column: of `COLUMNS`.
        who: 'stock', 'stock conv_transpose' or 'ours'.
        fun: the function.
        shapes: of its arguments.
    """

    column: str
    who: str
    fun: Callable[..., Any]
    shapes: tuple[tuple[int, ...], ...]


def forms(case: Case, algorithm: str = "auto") -> Iterator[Form]:
    """All forms of a case; each column's stock ones first.

    Args:
        case: which.
        algorithm: of ours.
    """
    v, w, u = case.v_shape, case.w_shape, case.u_shape
    geometry = case.geometry
    window: dict[str, Any] = {
        "stride": geometry.stride,
        "padding": geometry.padding,
        "dilation": geometry.dilation,
        "groups": geometry.groups,
        "algorithm": algorithm,
    }
    conv = functools.partial(_stock, case=case)
    transposed = functools.partial(_stock_transposed, case=case)
    ours = functools.partial(jaxdeconv.conv, **window)
    ours_transposed = functools.partial(
        jaxdeconv.conv_transpose, input_size=geometry.input_size, **window
    )
    gradient = functools.partial(
        jaxdeconv.kernel_gradient, kernel_size=geometry.kernel_size, **window
    )
    yield Form("K", "stock", conv, (v, w))
    yield Form("K", "ours", ours, (v, w))
    yield Form("K^T", "stock", transposed, (u, w))
    yield Form("K^T", "ours", ours_transposed, (u, w))
    yield Form("G", "stock", functools.partial(_stock_gradient, case=case), (u, v))
    yield Form("G", "ours", gradient, (u, v))
    yield Form("step K", "stock", _step(conv), (v, w))
    yield Form("step K", "ours", _step(ours), (v, w))
    yield Form("step K^T", "stock", _step(transposed), (u, w))
    yield Form("step K^T", "ours", _step(ours_transposed), (u, w))
    if geometry.groups == 1:
        flax = functools.partial(_stock_conv_transpose, case=case)
        swapped = (*w[:-2], w[-1], w[-2])
        yield Form("K^T", "stock conv_transpose", flax, (u, swapped))
        yield Form("step K^T", "stock conv_transpose", _step(flax), (u, swapped))


def _step(leg: Callable[[Array, Array], Array]) -> Callable[[Array, Array], Any]:
    """The result and both gradients."""

    def step(x: Array, w: Array) -> Any:
        y, pull = jax.vjp(leg, x, w)
        return y, pull(y)

    return step


def _numbers(ndim: int) -> lax.ConvDimensionNumbers:
    signal = (0, ndim + 1, *range(1, ndim + 1))
    return lax.ConvDimensionNumbers(signal, (ndim + 1, ndim, *range(ndim)), signal)


def _stock(v: Array, w: Array, case: Case) -> Array:
    geometry = case.geometry
    return lax.conv_general_dilated(
        v,
        w,
        geometry.stride,
        geometry.padding,
        rhs_dilation=geometry.dilation,
        dimension_numbers=_numbers(geometry.ndim),
        feature_group_count=geometry.groups,
    )


def _stock_transposed(u: Array, w: Array, case: Case) -> Array:
    like = jax.ShapeDtypeStruct(case.v_shape, u.dtype)
    return jax.linear_transpose(lambda v: _stock(v, w, case), like)(u)[0]  # type: ignore[no-any-return]


def _stock_gradient(u: Array, v: Array, case: Case) -> Array:
    like = jax.ShapeDtypeStruct(case.w_shape, u.dtype)
    return jax.linear_transpose(lambda w: _stock(v, w, case), like)(u)[0]  # type: ignore[no-any-return]


def _stock_conv_transpose(u: Array, w: Array, case: Case) -> Array:
    """As Flax's layer calls it: a kernel of its own orientation, `[*kernel_size, out, in]`."""
    geometry = case.geometry
    sizes = zip(
        geometry.input_size,
        geometry.output_size,
        geometry.dilated_kernel_size,
        geometry.stride,
        geometry.padding,
        strict=True,
    )
    pads = [(k - 1 - low, n + low - s * (o - 1) - 1) for n, o, k, s, (low, _) in sizes]
    return lax.conv_transpose(
        u,
        w,
        geometry.stride,
        pads,
        rhs_dilation=geometry.dilation,
        dimension_numbers=_numbers(geometry.ndim),
    )
