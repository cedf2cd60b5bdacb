"""What a wrong argument says: the tables of the tests, and the check of one row."""

import re
from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import pytest

BadInputs: TypeAlias = dict[str, tuple[Callable[[], Any], type[Exception], str]]
"""By name: the call, the built-in exception that it raises, and the message for `check_message`."""


def z(*shape: int, dtype: Any = jnp.float32) -> jax.Array:
    """An array of this shape; its entries do not matter."""
    return jnp.zeros(shape, dtype)


def check_message(call: Callable[[], Any], kind: type[Exception], message: str) -> None:
    """The call raises this error with this message, where '...' stands for any text.

    A fragment for each part, "conv: stride ...; got stride=0. ... 1 ...", allows the message to be
    reworded; it still fails for a wrong name, a wrong value, and without the remedy.
    """
    with pytest.raises(kind) as caught:
        call()
    pattern = ".*".join(map(re.escape, message.split("...")))
    assert re.fullmatch(pattern, str(caught.value), re.DOTALL), str(caught.value)
