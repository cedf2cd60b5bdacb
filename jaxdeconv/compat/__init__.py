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

All take PyTorch's tensors, too. Layers of Flax, Haiku and Equinox are as fast as they are under
`jaxdeconv.accelerate`, and those of `jaxdeconv.nn` take the same arguments. Arrays of PyTorch
and Keras go into the layers there, one layer after the other, by `jaxdeconv.nn.arrays`.
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
