"""Random convolutions of `jax.lax`: every parameter, unusual values included, all valid."""

import dataclasses
from typing import Any

import jax
import numpy as np
from hypothesis import strategies as st
from jax import lax

from jaxdeconv.acceleration.convolution import Convolution
from tests.support.cases import integers


@dataclasses.dataclass(frozen=True)
class Drawn:
    """The operands' shapes, and the keywords of `conv_general_dilated`."""

    lhs: tuple[int, ...]
    rhs: tuple[int, ...]
    keywords: dict[str, Any]

    def data(self, dtype: Any = np.float32) -> tuple[np.ndarray, np.ndarray]:
        """Operands of small integers, on which sums are exact."""
        return integers(self.lhs, dtype, 1), integers(self.rhs, dtype, 2)

    def __call__(self, lhs: Any, rhs: Any) -> jax.Array:
        """XLA's own result: the oracle."""
        return lax.conv_general_dilated(lhs, rhs, **self.keywords)

    def convolution(self, dtype: Any = np.float32) -> Convolution:
        """The convolution, from its equation."""
        (equation,) = jax.make_jaxpr(self)(*self.data(dtype)).eqns
        avals = [var.aval for var in (*equation.invars, *equation.outvars)]
        return Convolution.of(avals, equation.params)


@st.composite
def drawn(draw: st.DrawFn, max_ndim: int = 2, largest: int = 6) -> Drawn:
    """Any number of dimensions, strides and dilations on either side, cropping, groups, layouts."""
    ndim = draw(st.integers(0, max_ndim))
    groups, of_batch = draw(st.sampled_from([(1, False), (2, False), (2, True), (3, True)]))
    n, c, o = (draw(st.integers(1, 2)) for _ in range(3))
    lhs = [n * (groups if of_batch else 1), c * (1 if of_batch else groups)]
    rhs = [o * groups, c]
    strides, padding, lhs_dilation, rhs_dilation = [], [], [], []
    for _ in range(ndim):
        size, kernel = draw(st.integers(1, largest)), draw(st.integers(1, 4))
        s, a, d = (draw(st.integers(1, 3)) for _ in range(3))
        low = draw(st.integers(-3, 5))
        whole = a * (size - 1) + 1 + low
        missing = d * (kernel - 1) + 1 - whole  # the high padding with which the kernel just fits
        padding.append((low, draw(st.integers(missing, max(missing, 0) + 5))))
        lhs.append(size)
        rhs.append(kernel)
        strides.append(s)
        lhs_dilation.append(a)
        rhs_dilation.append(d)
    specs = [tuple(draw(st.permutations(range(ndim + 2)))) for _ in range(3)]
    return Drawn(
        _in_layout(lhs, specs[0]),
        _in_layout(rhs, specs[1]),
        {
            "window_strides": strides,
            "padding": padding,
            "lhs_dilation": lhs_dilation,
            "rhs_dilation": rhs_dilation,
            "dimension_numbers": lax.ConvDimensionNumbers(*specs),
            "feature_group_count": 1 if of_batch else groups,
            "batch_group_count": groups if of_batch else 1,
        },
    )


def _in_layout(sizes: list[int], spec: tuple[int, ...]) -> tuple[int, ...]:
    """Sizes in the order of the axes that a spec gives."""
    return tuple(sizes[spec.index(axis)] for axis in range(len(spec)))
