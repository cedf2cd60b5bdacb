"""The parts of a message, and whose name stands in front of it."""

import jax.numpy as jnp
import pytest

from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError, reporting


@reporting
def inner(size: int) -> int:
    raise ArgumentValueError("size must be even", "Pass 2.", size=size)


@reporting
def outer(size: int) -> int:
    return inner(size)


def test_the_outermost_function_is_named() -> None:
    with pytest.raises(ValueError, match=r"^inner: size must be even; got size=3\. Pass 2\.$"):
        inner(3)
    with pytest.raises(ValueError, match=r"^outer: size must be even; got size=3\. Pass 2\.$"):
        outer(3)


def test_kinds() -> None:
    assert issubclass(ArgumentValueError, ValueError)
    assert issubclass(ArgumentTypeError, TypeError)
    assert not issubclass(ArgumentTypeError, ValueError)


def test_arrays_are_shown_by_dtype_and_shape() -> None:
    error = ArgumentTypeError("x must be real", "Pass x.real.", x=jnp.zeros((2, 3), jnp.complex64))
    assert str(error) == "x must be real; got x=complex64[2,3]. Pass x.real."


def test_other_errors_pass_unchanged() -> None:
    @reporting
    def fails() -> None:
        raise KeyError("other")

    with pytest.raises(KeyError, match="other"):
        fails()


def test_wrapping_keeps_name_and_docstring() -> None:
    assert outer.__name__ == "outer"
