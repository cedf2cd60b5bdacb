"""Against loops in NumPy that follow TensorFlow's documentation, and against `keras.ops`.

TensorFlow itself is not needed: a transposed convolution there is the gradient of the convolution
with `output_shape` as its input, and that is what the loops are.
"""

import itertools
from typing import Any

import keras
import numpy as np
import pytest

from jaxdeconv.compat import tensorflow
from tests.compat.support import check_same, integers
from tests.support.checks import check_equal


def lows(padding: Any, size: tuple[int, ...], span: Any, stride: Any) -> tuple[int, ...]:
    """The padding before, as https://www.tensorflow.org/api_docs/python/tf/nn describes it."""
    if padding == "VALID":
        return (0,) * len(size)
    if padding != "SAME":
        return tuple(pair[0] for pair in padding[1:-1])
    along = []
    for n, k, s in zip(size, span, stride, strict=True):
        total = max(k - s, 0) if n % s == 0 else max(k - n % s, 0)
        along.append(total // 2)
    return tuple(along)


def scattered(
    x: np.ndarray, w: np.ndarray, shape: Any, stride: Any, dilation: Any, low: Any
) -> Any:
    """Every cell of x times the kernel `(*kernel_size, out, in)`, added to its window of y."""
    y = np.zeros(shape, x.dtype)
    for t in itertools.product(*map(range, x.shape[1:-1])):
        for u in itertools.product(*map(range, w.shape[:-2])):
            o = tuple(
                s * a + d * b - p for s, a, d, b, p in zip(stride, t, dilation, u, low, strict=True)
            )
            if all(0 <= n < m for n, m in zip(o, shape[1:-1], strict=True)):
                y[(slice(None), *o)] += x[(slice(None), *t)] @ w[u].T
    return y


CASES: dict[str, tuple[Any, ...]] = {
    # sizes of input, of the kernel, of the result; strides, padding, dilations
    "same": ((4, 3), (3, 2), (8, 9), (2, 3), "SAME", None),
    "same_remainder": ((4, 3), (3, 4), (7, 8), (2, 3), "SAME", None),
    "same_dilated": ((4,), (3,), (8,), 2, "SAME", 2),
    "same_kernel_below_stride": ((3,), (2,), (10,), 4, "SAME", None),
    "valid": ((4, 3), (3, 2), (9, 8), (2, 3), "VALID", None),
    "valid_remainder": ((4, 3), (3, 2), (10, 10), (2, 3), "VALID", None),
    "valid_dilated": ((3,), (3,), (10,), 2, "VALID", 2),
    "pairs": ((4, 3), (3, 2), (7, 7), (2, 3), [[0, 0], [1, 1], [0, 1], [0, 0]], None),
    "3d": ((2, 3, 2), (2, 3, 1), (4, 3, 5), (2, 1, 3), "SAME", (1, 2, 1)),
}


@pytest.mark.parametrize("name", CASES)
def test_conv_transpose(name: str) -> None:
    size, kernel, wanted, strides, padding, dilations = CASES[name]
    ndim = len(size)
    stride, dilation = (np.broadcast_to(n or 1, ndim) for n in (strides, dilations))
    x, w = integers(2, *size, 3), integers(*kernel, 4, 3)
    shape = (2, *wanted, 4)
    low = lows(padding, wanted, dilation * (np.array(kernel) - 1) + 1, stride)
    expected = scattered(x, w, shape, stride, dilation, low)
    arguments = {"padding": padding, "dilations": dilations}
    check_equal(tensorflow.conv_transpose(x, w, shape, strides, **arguments), expected)
    first = ("NCW", "NCHW", "NCDHW")[ndim - 1]
    order = (0, ndim + 1, *range(1, ndim + 1))
    if not isinstance(padding, str):
        arguments["padding"] = [padding[axis] for axis in order]
    got = tensorflow.conv_transpose(
        x.transpose(order),
        w,
        [shape[axis] for axis in order],
        [1, 1, *stride.tolist()],
        data_format=first,
        name="up",
        **arguments,
    )
    check_equal(got, expected.transpose(order))


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize(("strides", "dilations"), [((2, 3), None), (1, (1, 2))])
def test_convolution(padding: str, strides: Any, dilations: Any) -> None:
    """Grouped as well: every filter sees two of the six input channels."""
    x, w = integers(2, 7, 8, 6), integers(3, 4, 2, 3)

    def theirs(x: Any, w: Any) -> Any:
        return keras.ops.conv(x, w, strides, padding.lower(), dilation_rate=dilations or 1)

    def ours(x: Any, w: Any) -> Any:
        return tensorflow.convolution(x, w, strides, padding, "NHWC", dilations, "down")

    check_same(ours, theirs, x, w)


def test_convolution_with_pairs() -> None:
    x, w = integers(2, 6, 3), integers(3, 3, 4)
    padded = np.pad(x, [(0, 0), (1, 2), (0, 0)])
    got = tensorflow.convolution(x, w, [1, 2, 1], [[0, 0], [1, 2], [0, 0]])
    check_equal(got, np.asarray(keras.ops.conv(padded, w, 2)))
