"""Kernels of many taps, block by block: the same numbers as at once."""

import math

import jax.numpy as jnp
import pytest

from jaxdeconv import ConvGeometry
from jaxdeconv.algorithms import ALGORITHMS, depthwise
from jaxdeconv.algorithms.contract import expected
from jaxdeconv.algorithms.tap_blocks import Blocks, in_blocks
from tests.support.cases import CASES, Case
from tests.support.checks import check_equal

DEPTHWISE = [
    *(case for case in CASES if case.geometry.ndim and case.in_channels == case.out_channels == 1),
    Case("long", ConvGeometry(40, 12, 2, ((5, -3),), 3, 2), 1, 1),
    Case("prime", ConvGeometry((9, 8), (5, 7), (1, 2), 3), 1, 1),
    Case("cropped", ConvGeometry((9, 12), (4, 6), (2, 1), ((-1, 3), (4, -2)), (1, 2), 3), 1, 1),
    Case("3-D", ConvGeometry((6, 5, 7), (4, 3, 4), (1, 2, 1), 2), 1, 1),
]


@pytest.mark.every_variant
@pytest.mark.parametrize("leg", ALGORITHMS)
def test_blocks_of_every_size(leg: str) -> None:
    raw = getattr(depthwise, leg).__wrapped__
    for case in DEPTHWISE:
        x, y, answer = expected(leg, case, case.data())
        for most in (1, 3, 8):
            step = in_blocks(leg, most)(raw)
            got = step(jnp.asarray(x), jnp.asarray(y), case.problem(leg))
            check_equal(got, answer, what=f"{leg} of {case.name} in blocks of {most}")


@pytest.mark.parametrize(
    ("kernel_size", "most", "size"),
    [
        ((5, 5, 5), 25, (1, 5, 5)),
        ((8, 9, 9), 128, (1, 9, 9)),
        ((8, 9, 9), 200, (2, 9, 9)),
        ((63, 63), 128, (1, 63)),
        ((1001,), 128, (91,)),
        ((4, 300), 128, (1, 100)),
        ((3, 3), 9, (3, 3)),
        ((7,), 1, (1,)),
    ],
)
def test_size_of_a_block(kernel_size: tuple[int, ...], most: int, size: tuple[int, ...]) -> None:
    """It divides the kernel size, is within the limit, and complete in the last dimensions."""
    case = Case("", ConvGeometry(tuple(2 * k for k in kernel_size), kernel_size), 1, 1)
    blocks = Blocks.of(case.problem("conv"), most)
    assert blocks.size == size
    assert math.prod(blocks.size) <= most
