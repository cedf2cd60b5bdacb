"""Our functions and stock (plain) JAX as contestants."""

import functools

import jax
from jax import lax

import jaxdeconv
from benchmarks.cases import BenchCase, Data
from benchmarks.programs import Function, Layout, Program, jax_program

__all__ = ["our_function", "ours", "stock", "stock_function", "transposed_padding"]


def ours(case: BenchCase, data: Data, algorithm: str = "auto") -> Program:
    """`jaxdeconv.conv` or `jaxdeconv.conv_transpose`, channels last."""
    return jax_program(our_function(case, algorithm), data, Layout.channels_last())


def our_function(case: BenchCase, algorithm: str = "auto") -> Function:
    """The public function with the case's keywords."""
    if case.leg == "conv":
        return functools.partial(jaxdeconv.conv, **case.keywords, algorithm=algorithm)
    size = case.geometry.input_size
    return functools.partial(
        jaxdeconv.conv_transpose, input_size=size, **case.keywords, algorithm=algorithm
    )


def stock(case: BenchCase, data: Data) -> Program:
    """Plain JAX with its own autodiff, channels last."""
    return jax_program(stock_function(case), data, Layout.channels_last())


def stock_function(case: BenchCase) -> Function:
    """`lax.conv_general_dilated`; transposed, in the form that `lax.conv_transpose` gives it.

    With `transpose_kernel=True` that flips the kernel, swaps its channels and dilates the input. It
    is written out here because `lax.conv_transpose` has no groups.
    """
    geometry = case.geometry
    numbers = dimension_numbers(geometry.ndim)

    def conv(v: jax.Array, w: jax.Array) -> jax.Array:
        return lax.conv_general_dilated(
            v,
            w,
            geometry.stride,
            geometry.padding,
            rhs_dilation=geometry.dilation,
            dimension_numbers=numbers,
            feature_group_count=geometry.groups,
        )

    def conv_transpose(u: jax.Array, w: jax.Array) -> jax.Array:
        return lax.conv_general_dilated(
            u,
            _flip_and_swap(w, geometry.groups),
            (1,) * geometry.ndim,
            transposed_padding(case),
            lhs_dilation=geometry.stride,
            rhs_dilation=geometry.dilation,
            dimension_numbers=numbers,
            feature_group_count=geometry.groups,
        )

    return conv if case.leg == "conv" else conv_transpose


def dimension_numbers(ndim: int) -> tuple[str, str, str]:
    """Channels last, for `lax`."""
    spatial = "XYZ"[:ndim]
    return (f"N{spatial}C", f"{spatial}IO", f"N{spatial}C")


def transposed_padding(case: BenchCase) -> list[tuple[int, int]]:
    """Padding of the dilated u with which the correlation with the flipped kernel is K^T."""
    geometry = case.geometry
    return [
        (k - 1 - low, n - (o - 1) * s - 1 + low)
        for n, o, s, k, (low, _) in zip(
            geometry.input_size,
            geometry.output_size,
            geometry.stride,
            geometry.dilated_kernel_size,
            geometry.padding,
            strict=True,
        )
    ]


def _flip_and_swap(w: jax.Array, groups: int) -> jax.Array:
    """(*kernel, in/groups, out) -> (*kernel, out/groups, in), reversed in space."""
    *kernel, in_channels, out_channels = w.shape
    w = lax.rev(w, range(len(kernel))).reshape(*kernel, in_channels, groups, out_channels // groups)
    return w.swapaxes(-1, -3).reshape(*kernel, out_channels // groups, groups * in_channels)
