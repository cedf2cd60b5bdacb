"""Trained arrays of other libraries, in the layout of the kernels here.

A convolution and its transpose both store the kernel of the forward convolution, `(*kernel_size,
in_channels/groups, out_channels)`. PyTorch and Keras do the same, up to the order of the axes, so
one rule covers both kinds of layers, grouped or not.

Each framework's module has a function `load`, which puts the arrays into a layer or its parameters:

    arrays = from_torch(torch_model.state_dict(), "decoder.up1.")
    nn.nnx.load(model.up1, arrays)                                          # in place
    model = eqx.tree_at(where, model, nn.equinox.load(model.up1, arrays))   # a new layer
    params["up1"] = nn.linen.load(params["up1"], arrays)                    # new parameters
    params["up1"] = nn.haiku.load(params["up1"], arrays)
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxdeconv.compat.tensors import from_tensor
from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError, reporting

__all__ = ["Arrays", "check_fit", "from_keras", "from_torch"]

Arrays: TypeAlias = Mapping[str, np.ndarray | Array]
"""'kernel', and where there is one 'bias'."""


@reporting
def from_torch(state_dict: Any, prefix: str = "") -> dict[str, np.ndarray]:
    """The arrays of a `torch.nn.Conv{1,2,3}d` or `torch.nn.ConvTranspose{1,2,3}d`, grouped or not.

    One layer at a time: porting a model takes one call for each of its convolutions.

    Args:
        state_dict: `state_dict()` or `named_parameters()` of the layer, or of a model that contains
            it, or the layer or model itself. Tensors of any device and dtype, including bfloat16,
            or NumPy arrays.
        prefix: of the keys, before 'weight' and 'bias', with the dot.

    Returns:
        'kernel', `(*kernel_size, in_channels/groups, out_channels)` of the forward convolution, and
        'bias' if there is one, in their own dtypes.

    Raises:
        ValueError: no weight under this prefix, or not that of a convolution.
        TypeError: not a mapping of names to arrays.

    Example:
        >>> from_torch({"up.weight": np.zeros((4, 2, 5, 3))}, "up.")["kernel"].shape
        (5, 3, 2, 4)
    """
    named = _named_arrays(state_dict)
    if f"{prefix}weight" not in named:
        raise ArgumentValueError(
            "state_dict must have the key prefix + 'weight'",
            _other_keys(named, prefix),
            prefix=prefix,
        )
    arrays = {"kernel": np.asarray(from_tensor("weight", named[f"{prefix}weight"]))}
    if arrays["kernel"].ndim < 2:
        raise ArgumentValueError(
            f"{prefix}weight must be the weight of a convolution, of at least two axes",
            "Pass the prefix of a convolution.",
            weight=arrays["kernel"],
        )
    arrays["kernel"] = np.moveaxis(arrays["kernel"], (1, 0), (-2, -1))
    if named.get(f"{prefix}bias") is not None:
        arrays["bias"] = np.asarray(from_tensor("bias", named[f"{prefix}bias"]))
    return arrays


def _named_arrays(state_dict: Any) -> Mapping[str, Any]:
    """The parameters of a model, in any form that PyTorch gives them, as a mapping."""
    if hasattr(state_dict, "state_dict"):
        state_dict = state_dict.state_dict()
    try:
        return state_dict if isinstance(state_dict, Mapping) else dict(state_dict)
    except (TypeError, ValueError):
        raise ArgumentTypeError(
            "state_dict must map names to arrays",
            "Pass model.state_dict().",
            state_dict=type(state_dict).__name__,
        ) from None


def _other_keys(named: Mapping[str, Any], prefix: str) -> str:
    """A remedy: remove the weight norm, or one of the keys that there are."""
    for key in (f"{prefix}weight_g", f"{prefix}parametrizations.weight.original0"):
        if key in named:
            return "Remove the weight norm first: torch.nn.utils.remove_weight_norm(layer), or \
torch.nn.utils.parametrize.remove_parametrizations(layer, 'weight')."
    return f"Its keys that end in 'weight': {[k for k in named if k.endswith('weight')]}."


@reporting
def from_keras(weights: Sequence[Any]) -> dict[str, np.ndarray]:
    """The arrays of a Keras `Conv{1,2,3}D` or `Conv{1,2,3}DTranspose`.

    Args:
        weights: `layer.get_weights()`: the kernel, and the bias if there is one.

    Returns:
        'kernel', in Keras' own layout, which is also that of the layers here, and 'bias'.

    Raises:
        ValueError: not one or two arrays.

    Example:
        >>> from_keras([np.zeros((5, 3, 2, 4)), np.zeros(2)])["kernel"].shape
        (5, 3, 2, 4)
    """
    if len(weights) not in (1, 2):
        raise ArgumentValueError(
            "weights must be a kernel, or a kernel and a bias",
            "Pass the layer's get_weights().",
            weights=len(weights),
        )
    arrays = [np.asarray(from_tensor("weights", array)) for array in weights]
    return dict(zip(("kernel", "bias"), arrays, strict=False))


def check_fit(arrays: Arrays, **parameters: Any) -> dict[str, Array]:
    """`arrays` in the dtypes of `parameters`, whose names and shapes they must have."""
    expected = {name: jnp.shape(p) for name, p in parameters.items() if p is not None}
    given = {name: jnp.shape(a) for name, a in arrays.items()}
    if given != expected:
        raise ArgumentValueError(
            "arrays must have the names and shapes of the layer's parameters",
            f"The layer has {expected}.",
            arrays=given,
        )
    return {
        name: jnp.asarray(arrays[name], parameter.dtype)
        for name, parameter in parameters.items()
        if parameter is not None
    }
