"""PyTorch's tensors as NumPy arrays. PyTorch is not imported: a caller with a tensor did that."""

import sys
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxdeconv.errors import ArgumentTypeError

__all__ = ["from_tensor"]


def from_tensor(name: str, value: Any) -> Any:
    """A tensor as a NumPy array of the same dtype; anything else as it is.

    Parameters that require gradients, tensors on other devices, conjugated and sparse tensors are
    all accepted, and bfloat16 stays bfloat16. The array is a copy: later changes of the tensor do
    not affect it.

    Args:
        name: of the argument, for the error.
        value: anything.

    Raises:
        TypeError: a tensor on the meta device, or quantised.
    """
    if not _is_tensor(value):
        return value
    try:
        tensor = value.detach().cpu()
        if str(tensor.layout) != "torch.strided":
            tensor = tensor.to_dense()
        return _copied(tensor.resolve_conj().resolve_neg())
    except (RuntimeError, TypeError, AttributeError) as error:
        raise ArgumentTypeError(
            f"{name} must be a tensor whose numbers NumPy can hold",
            f"Pass {name}.float(), or {name}.dequantize().",
            **{name: value},
        ) from error


def _is_tensor(value: Any) -> bool:
    return any(
        (kind.__module__, kind.__name__) == ("torch", "Tensor") for kind in type(value).__mro__
    )


def _copied(tensor: Any) -> np.ndarray:
    """The numbers of a dense tensor on the CPU; bit by bit in dtypes that NumPy itself lacks."""
    name = str(tensor.dtype).removeprefix("torch.")
    if name != "bfloat16" and not name.startswith("float8"):
        return np.array(tensor.numpy())
    integer = getattr(sys.modules["torch"], f"int{8 * tensor.element_size()}")
    return np.array(tensor.contiguous().view(integer).numpy()).view(jnp.dtype(name))
