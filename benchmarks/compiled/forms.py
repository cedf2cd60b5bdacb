"""The legs and their training steps: stock JAX's, and ours."""

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
from jax import Array, lax

from benchmarks.cases import BenchCase
from benchmarks.jax_contestants import dimension_numbers, stock_function, transposed_padding
from benchmarks.legs import leg_calls

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


def forms(case: BenchCase) -> Iterator[Form]:
    """All forms of a case; each column's stock ones first.

    Args:
        case: a forward convolution.
    """
    conv = stock_function(case)
    for column, call in zip(COLUMNS, leg_calls(case), strict=False):
        stock = _transposed(conv, case) if column == "K^T" else call.stock()
        ours = call.ours("auto")
        yield Form(column, "stock", stock, call.shapes)
        yield Form(column, "ours", ours, call.shapes)
        if column != "G":
            yield Form(f"step {column}", "stock", _step(stock), call.shapes)
            yield Form(f"step {column}", "ours", _step(ours), call.shapes)
    if case.geometry.groups == 1:
        flax, w = functools.partial(_stock_conv_transpose, case=case), case.w_shape
        shapes = case.u_shape, (*w[:-2], w[-1], w[-2])
        yield Form("K^T", "stock conv_transpose", flax, shapes)
        yield Form("step K^T", "stock conv_transpose", _step(flax), shapes)


def _step(leg: Callable[[Array, Array], Array]) -> Callable[[Array, Array], Any]:
    """The result, and both gradients of half its squared norm."""

    def step(x: Array, w: Array) -> Any:
        y, pull = jax.vjp(leg, x, w)
        return y, pull(y)

    return step


def _transposed(conv: Callable[[Array, Array], Array], case: BenchCase) -> Callable[..., Array]:
    """As autodiff transposes stock JAX's forward convolution."""

    def conv_transpose(u: Array, w: Array) -> Array:
        like = jax.ShapeDtypeStruct(case.v_shape, u.dtype)
        v: Array = jax.linear_transpose(lambda v: conv(v, w), like)(u)[0]
        return v

    return conv_transpose


def _stock_conv_transpose(u: Array, w: Array, case: BenchCase) -> Array:
    """As Flax's layer calls it: a kernel of its own orientation, `[*kernel_size, out, in]`."""
    geometry = case.geometry
    return lax.conv_transpose(
        u,
        w,
        geometry.stride,
        transposed_padding(case),
        rhs_dilation=geometry.dilation,
        dimension_numbers=dimension_numbers(geometry.ndim),
    )
