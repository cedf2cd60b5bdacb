"""What a wrong argument says: the tables of the tests, and the check of one row."""

from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import pytest

BadInputs: TypeAlias = dict[str, tuple[Callable[[], Any], type[Exception], str]]
"""By name: the call, the built-in exception that it raises, and the whole message."""


def z(*shape: int, dtype: Any = jnp.float32) -> jax.Array:
    """An array of this shape; its entries do not matter."""
    return jnp.zeros(shape, dtype)


def check_message(call: Callable[[], Any], kind: type[Exception], message: str) -> None:
    """The call raises this error with this message."""
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value) == message
