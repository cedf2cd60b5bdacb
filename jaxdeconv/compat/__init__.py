"""compat: the same call as elsewhere, on JAX arrays and our legs.

Their argument names, defaults and layouts; differentiable, and under `jax.jit` like everything
else. No framework is imported; only `jax.lax`, which comes with JAX, is called.

    kernels      the kernel layouts of all frameworks; convert_kernel
    tensors      PyTorch's tensors as NumPy arrays
    bridge       from a framework's operands to a leg, and back
    lax          conv_transpose, conv_general_dilated                  (jax.lax)
    torch        conv{1,2,3}d, conv_transpose{1,2,3}d                  (torch.nn.functional)
    onnx         Conv, ConvTranspose                                   (the operators)
    keras        conv, conv_transpose                                  (keras.ops)
    tensorflow   convolution, conv_transpose                           (tf.nn)
    haiku        conv, conv_transpose                                  (hk.ConvND, ...)
    equinox      conv, conv_transpose                                  (eqx.nn.Conv, ...)
    flax         conv, conv_transpose                                  (nn.Conv, ...; Linen and NNX)

Where the frameworks have layers, the functions take the layer's parameters as arrays; all take
PyTorch's tensors, too. Trained arrays of PyTorch and Keras go into the layers here, one layer after
the other, by `jaxdeconv.nn.arrays`.
"""

from jaxdeconv.compat import equinox as equinox
from jaxdeconv.compat import flax as flax
from jaxdeconv.compat import haiku as haiku
from jaxdeconv.compat import keras as keras
from jaxdeconv.compat import lax as lax
from jaxdeconv.compat import onnx as onnx
from jaxdeconv.compat import tensorflow as tensorflow
from jaxdeconv.compat import torch as torch
from jaxdeconv.compat.kernels import convert_kernel as convert_kernel

__all__ = [
    "convert_kernel",
    "equinox",
    "flax",
    "haiku",
    "keras",
    "lax",
    "onnx",
    "tensorflow",
    "torch",
]


def __dir__() -> list[str]:
    dunders = (name for name in globals() if name.startswith("__") and name.endswith("__"))
    return sorted({*dunders, *__all__})
