"""compat: the same call as in another framework, on JAX arrays, computed by jaxdeconv.

The functions have the framework's argument names, defaults and layouts. They are differentiable and
work under `jax.jit`. No framework is imported; only `jax.lax`, which comes with JAX, is called.

    kernels      the kernel layouts of all frameworks; convert_kernel
    tensors      PyTorch's tensors as NumPy arrays
    call         the arrays of a framework's call, checked, and what computes it here
    lax          conv_transpose, conv_general_dilated                  (jax.lax)
    torch        conv{1,2,3}d, conv_transpose{1,2,3}d                  (torch.nn.functional)
    onnx         Conv, ConvTranspose                                   (the operators)
    keras        conv, conv_transpose                                  (keras.ops)
    tensorflow   convolution, conv_transpose                           (tf.nn)

All of them also accept PyTorch's tensors. Layers of Flax, Haiku and Equinox have no copies here:
`jaxdeconv.accelerate` makes them fast as they are, and the layers of `jaxdeconv.nn` take the same
arguments. To load trained parameters of PyTorch or Keras into those, layer by layer, use
`jaxdeconv.nn.arrays`.
"""

from jaxdeconv.compat import keras as keras
from jaxdeconv.compat import lax as lax
from jaxdeconv.compat import onnx as onnx
from jaxdeconv.compat import tensorflow as tensorflow
from jaxdeconv.compat import torch as torch
from jaxdeconv.compat.kernels import convert_kernel as convert_kernel

__all__ = [
    "convert_kernel",
    "keras",
    "lax",
    "onnx",
    "tensorflow",
    "torch",
]


def __dir__() -> list[str]:
    dunders = (name for name in globals() if name.startswith("__") and name.endswith("__"))
    return sorted({*dunders, *__all__})
