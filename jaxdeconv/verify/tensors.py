"""Maps of PyTorch's tensors as maps of NumPy arrays. PyTorch is not imported here: who has a tensor
did that.
"""

import sys
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from jaxdeconv.errors import ArgumentTypeError

__all__ = ["is_tensor", "of_tensors", "to_arrays"]

Map = Callable[[Any], Any]


def is_tensor(value: Any) -> bool:
    """Whether a value is a tensor of PyTorch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def to_arrays(tree: Any) -> Any:
    """Every tensor of a pytree as a NumPy array.

    Raises:
        TypeError: a dtype that NumPy does not have.
    """

    def convert(leaf: Any) -> Any:
        if not is_tensor(leaf):
            return leaf
        try:
            return leaf.detach().cpu().resolve_conj().resolve_neg().numpy()
        except TypeError as error:
            raise ArgumentTypeError(
                "tensors must have a dtype that NumPy has",
                "Verify the map of tensor.float().",
                dtype=str(leaf.dtype),
            ) from error

    return jax.tree.map(convert, tree)


def of_tensors(fun: Map, device: Any) -> Map:
    """A function of tensors on a device, as one of NumPy arrays.

    The argument is copied, so that a function which writes into it cannot reach the caller's.
    """
    torch = sys.modules["torch"]

    def call(member: Any) -> Any:
        tensors = jax.tree.map(lambda leaf: torch.tensor(np.asarray(leaf), device=device), member)
        return to_arrays(fun(tensors))

    return call
