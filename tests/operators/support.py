"""Random geometries as operators, with integer-valued kernels, and their matrices by loops."""

from typing import Any

import numpy as np

from jaxdeconv import boundary
from jaxdeconv.operators import ConvOperator
from jaxdeconv.reference import coordinates
from tests.support.cases import integers


def random_operator(seed: int, dtype: Any = np.float32, **changes: Any) -> ConvOperator:
    """A small operator of one or two spatial dimensions, any stride, padding, groups, channels."""
    rng = np.random.default_rng(seed)
    ndim = int(rng.integers(1, 3))
    kernel = rng.integers(1, 4, ndim)
    groups, in_channels, out_channels = (int(n) for n in rng.integers(1, 3, 3))
    groups = changes.get("groups", groups)
    keywords = {
        "stride": tuple(map(int, rng.integers(1, 4, ndim))),
        "padding": tuple((int(a), int(b)) for a, b in rng.integers(-1, 3, (ndim, 2))),
        "dilation": tuple(map(int, rng.integers(1, 3, ndim))),
        "groups": groups,
    } | changes
    w = integers((*map(int, kernel), in_channels, groups * out_channels), dtype, seed)
    size = tuple(map(int, rng.integers(7, 10, ndim)))
    return ConvOperator(w, (*size, groups * in_channels), **keywords)


def circulant_operator(seed: int, dtype: Any = np.float32) -> ConvOperator:
    """Circular padding, a stride that divides the size."""
    rng = np.random.default_rng(seed)
    ndim = int(rng.integers(1, 3))
    stride, kernel = rng.integers(1, 4, ndim), rng.integers(1, 5, ndim)
    groups, in_channels, out_channels = (int(n) for n in rng.integers(1, 3, 3))
    low = rng.integers(0, kernel)
    padding = tuple(
        (int(a), int(max(k - s, 0) - a)) for a, k, s in zip(low, kernel, stride, strict=True)
    )
    return ConvOperator(
        integers((*map(int, kernel), in_channels, groups * out_channels), dtype, seed),
        (*(int(n) for n in stride * rng.integers(2, 5, ndim)), groups * in_channels),
        stride=tuple(map(int, stride)),
        padding=padding,
        groups=groups,
        padding_mode="circular",
    )


def matrix_of(operator: ConvOperator) -> np.ndarray:
    """The matrix by loops in NumPy, sharing no code with the operator: C P for a padding mode."""
    geometry, w = operator.geometry, np.asarray(operator.w)
    border, unpadded = boundary.split(geometry, operator.padding_mode)
    if not any(low or high for low, high in border):
        return coordinates.matrix(w, geometry)
    cells = np.arange(np.prod(operator.input_shape)).reshape(operator.input_shape)
    mode = {"circular": "wrap", "replicate": "edge"}.get(
        operator.padding_mode, operator.padding_mode
    )
    grown = np.pad(cells, [*(tuple(max(0, n) for n in pair) for pair in border), (0, 0)], mode)
    cut = tuple(
        slice(max(0, -low), n - max(0, -high))
        for n, (low, high) in zip(grown.shape, border, strict=False)
    )
    source = grown[cut].ravel()
    wide = coordinates.matrix(w, unpadded)
    result = np.zeros(operator.shape, w.dtype)
    np.add.at(result.T, source, wide.T)
    return result


def vectors(operator: Any, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Integer-valued v and u of the structured shapes."""
    v = integers(operator.input_shape, operator.dtype, 100 + seed)
    return v, integers(operator.output_shape, operator.dtype, 200 + seed)
