"""The comparisons of this folder notice wrong values and wrong gradients."""

from typing import Any

import jax
import pytest

from jaxdeconv.compat import lax
from tests.compat.support import check_same, check_same_gradients, integers

X, W = integers(1, 5, 2), integers(3, 2, 1)


def right(x: Any, w: Any) -> Any:
    return lax.conv_transpose(x, w, (2,), "SAME")


def flipped(x: Any, w: Any) -> Any:
    return right(x, w[::-1])


def wrong_gradient(x: Any, w: Any) -> Any:
    return right(x, w) + w.sum() - jax.lax.stop_gradient(w.sum())


def test_check_same() -> None:
    check_same(right, right, X, W)
    with pytest.raises(AssertionError, match="entries differ"):
        check_same(flipped, right, X, W)


def test_check_same_gradients() -> None:
    check_same_gradients(right, right, X, W)
    check_same(wrong_gradient, right, X, W)
    with pytest.raises(AssertionError, match="entries differ"):
        check_same_gradients(wrong_gradient, right, X, W)
