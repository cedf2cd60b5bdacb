"""Tensors of PyTorch as NumPy arrays, and back.

PyTorch is never imported: whoever has a tensor did that.
"""

import sys
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from jaxdeconv.errors import ArgumentTypeError

__all__ = ["has_tensors", "is_tensor", "to_arrays", "to_tensors"]


def is_tensor(value: Any) -> bool:
    """Whether a value is a tensor of PyTorch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def has_tensors(tree: Any) -> bool:
    """Whether a pytree has a tensor for a leaf."""
    return any(map(is_tensor, jax.tree.leaves(tree)))


def to_arrays(tree: Any) -> Any:
    """A pytree with every tensor as a NumPy array.

    Raises:
        TypeError: a dtype that NumPy does not have.
    """
    return jax.tree.map(lambda leaf: _array(leaf) if is_tensor(leaf) else leaf, tree)


def to_tensors(example: Any) -> Callable[[Any], Any]:
    """From pytrees of NumPy arrays to tensors on the device of an example.

    A tensor on the CPU has the memory of its array, so what is written into it is seen.
    """
    torch = sys.modules["torch"]
    device = next(leaf.device for leaf in jax.tree.leaves(example) if is_tensor(leaf))

    def convert(leaf: Any) -> Any:
        array = np.require(leaf, requirements=["C", "W"])
        return torch.from_numpy(array).to(device)

    return lambda tree: jax.tree.map(convert, tree)


def _array(tensor: Any) -> np.ndarray:
    tensor = tensor.detach().cpu()
    if str(tensor.layout) != "torch.strided":
        tensor = tensor.to_dense()
    try:
        return tensor.resolve_conj().resolve_neg().numpy()
    except TypeError as error:
        raise ArgumentTypeError(
            "tensors must have a dtype that NumPy has",
            "Verify the map of tensor.float().",
            dtype=str(tensor.dtype),
        ) from error
