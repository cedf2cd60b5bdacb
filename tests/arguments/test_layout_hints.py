"""What a message says of arrays that have another layout: channels first, a kernel of torch's."""

from typing import Any

import jax
import numpy as np
import pytest

from jaxdeconv import conv, conv_transpose, kernel_gradient
from jaxdeconv.errors import ArgumentValueError
from tests.support.bad_inputs import z

NCHW_HWIO = "looks channels-first; pass dimension_numbers=('NCHW', 'HWIO', 'NCHW')."
NCHW_OIHW = "looks channels-first; pass dimension_numbers=('NCHW', 'OIHW', 'NCHW')."

HINTS: dict[str, tuple[Any, str]] = {
    "images": (lambda: conv(z(2, 3, 32, 30), z(5, 3, 3, 8)), f"v {NCHW_HWIO}"),
    "as many channels as columns": (
        lambda: conv(z(2, 3, 32, 32), z(3, 3, 3, 32)),
        f"v {NCHW_HWIO}",
    ),
    "torch, another number of channels": (
        lambda: conv(z(2, 3, 32, 30), z(8, 3, 5, 3)),
        f"v {NCHW_OIHW}",
    ),
    "torch, as many channels as columns of the kernel": (
        lambda: conv(z(2, 3, 32, 30), z(16, 3, 3, 3)),
        f"v {NCHW_OIHW}",
    ),
    "no batch": (lambda: conv(z(3, 32, 30), z(16, 3, 5, 5)), f"v {NCHW_OIHW}"),
    "two batch axes": (lambda: conv(z(2, 2, 3, 32, 30), z(5, 3, 3, 8)), f"v {NCHW_HWIO}"),
    "groups": (lambda: conv(z(2, 4, 33, 31), z(3, 3, 2, 8), groups=2), f"v {NCHW_HWIO}"),
    "signals": (
        lambda: conv(z(2, 4, 33), z(3, 4, 8)),
        "v looks channels-first; pass dimension_numbers=('NCW', 'WIO', 'NCW').",
    ),
    "volumes": (
        lambda: conv(z(2, 4, 9, 8, 7), z(2, 3, 2, 4, 8)),
        "v looks channels-first; pass dimension_numbers=('NCDHW', 'DHWIO', 'NCDHW').",
    ),
    "transpose": (lambda: conv_transpose(z(2, 8, 16, 15), z(5, 3, 3, 8)), f"u {NCHW_HWIO}"),
    "transpose, torch": (lambda: conv_transpose(z(2, 8, 16, 15), z(8, 3, 5, 3)), f"u {NCHW_OIHW}"),
    "torch's kernel alone": (
        lambda: conv(z(2, 32, 30, 3), z(8, 3, 5, 5)),
        "w looks like OIHW; pass dimension_numbers=('NHWC', 'OIHW', 'NHWC').",
    ),
    "kernel gradient": (
        lambda: kernel_gradient(z(2, 8, 15, 14), z(2, 3, 32, 30), kernel_size=(3, 3), stride=2),
        f"u and v look {NCHW_HWIO.removeprefix('looks ')}",
    ),
    "kernel gradient, padding by name": (
        lambda: kernel_gradient(
            z(8, 16, 15), z(3, 32, 30), kernel_size=(3, 3), stride=2, padding="SAME"
        ),
        f"u and v look {NCHW_HWIO.removeprefix('looks ')}",
    ),
    "picture and kernel without channels": (
        lambda: conv(z(32, 30), z(3, 5)),
        "A kernel of 2 axes has no spatial axis. If neither array has channels: v[..., None] and "
        "w[..., None, None].",
    ),
    "transpose without channels": (
        lambda: conv_transpose(z(32, 30), z(3, 5)),
        "A kernel of 2 axes has no spatial axis. If neither array has channels: u[..., None] and "
        "w[..., None, None].",
    ),
    "picture without channels": (
        lambda: conv(z(32, 30), z(3, 5, 1, 1)),
        "where N may be left out or repeated. If it has no channels: v[..., None].",
    ),
    # and no hint where nothing fits, or where something else is likelier
    "nothing fits": (
        lambda: conv(z(2, 7, 32, 30), z(3, 3, 5, 8)),
        "With groups=1, pass w with 30 input channels.",
    ),
    "input and output channels swapped": (
        lambda: conv(z(2, 8, 8, 32), z(3, 3, 16, 32)),
        "With groups=1, pass w with 32 input channels.",
    ),
    "dimension_numbers are given": (
        lambda: conv(z(2, 3, 32, 30), z(5, 3, 3, 8), dimension_numbers=("NHWC", "HWIO", "NHWC")),
        "With groups=1, pass w with 30 input channels.",
    ),
    "four spatial dimensions": (
        lambda: conv(z(2, 3, 4, 5, 6, 7), z(1, 2, 2, 2, 3, 4)),
        "With groups=1, pass w with 7 input channels.",
    ),
    "kernel gradient of sizes that fit nothing": (
        lambda: kernel_gradient(z(2, 8, 15, 14), z(2, 3, 33, 33), kernel_size=(3, 3), stride=2),
        "Pass u of size (1, 16), or the v that belongs to it.",
    ),
    "kernel gradient, cropping more than the other layout has": (
        lambda: kernel_gradient(
            z(2, 9, 9, 2), z(2, 9, 9, 2), kernel_size=(3, 1), padding=((-8, 9), (0, 0))
        ),
        "Pass u of size (8, 9), or the v that belongs to it.",
    ),
}


@pytest.mark.parametrize("name", HINTS)
def test_remedy(name: str) -> None:
    call, remedy = HINTS[name]
    with pytest.raises(ArgumentValueError) as caught:
        call()
    assert str(caught.value).endswith(remedy)


@pytest.mark.parametrize("kernel", ["HWIO", "OIHW"])
def test_what_is_advised_is_right(kernel: str) -> None:
    """The arrays that a hint is given for, with what it advises: the channels-last result."""
    rng = np.random.default_rng(3)
    v = rng.integers(-4, 5, (2, 6, 9, 8)).astype(np.float32)
    w = rng.integers(-4, 5, (3, 2, 3, 4) if kernel == "HWIO" else (4, 3, 3, 2)).astype(np.float32)
    with pytest.raises(ArgumentValueError, match=f"'NCHW', '{kernel}', 'NCHW'"):
        conv(v, w, groups=2)
    got = conv(v, w, groups=2, dimension_numbers=("NCHW", kernel, "NCHW"))
    last = np.moveaxis(w, (0, 1), (3, 2)) if kernel == "OIHW" else w
    assert (np.moveaxis(got, 1, -1) == conv(np.moveaxis(v, 1, -1), last, groups=2)).all()


def test_raised_while_tracing() -> None:
    v, w = jax.ShapeDtypeStruct((2, 3, 32, 30), "float32"), z(5, 3, 3, 8)
    with pytest.raises(ArgumentValueError, match=r"^conv: .* v looks channels-first"):
        jax.eval_shape(lambda v: conv(v, w), v)
