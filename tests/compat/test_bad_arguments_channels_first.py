"""torch, ONNX, convert_kernel: what a wrong argument says, and what to pass instead.

Every message is raised while tracing, from shapes alone; here each stands in full.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv.compat import convert_kernel, onnx, torch
from tests.support.bad_inputs import BadInputs, check_message, z

pytestmark = pytest.mark.every_variant

first, oihw, hwio = z(2, 4, 7, 6), z(6, 2, 3, 2), z(3, 2, 4, 6)

BAD: BadInputs = {
    "torch_no_array": (
        lambda: torch.conv2d([[1.0]], oihw),
        TypeError,
        "conv2d: input must be an array; got input=[[1.0]]. Pass jax.numpy.asarray(input).",
    ),
    "torch_rank": (
        lambda: torch.conv1d(first, oihw),
        ValueError,
        "conv1d: weight must have 3 axes; got weight=float32[6,2,3,2]. Call the function "
        "of its rank.",
    ),
    "torch_axes": (
        lambda: torch.conv2d(z(2, 2, 4, 7, 6), z(6, 4, 3, 2)),
        ValueError,
        "conv2d: input must have 3 or 4 axes where weight has 4; got "
        "input=float32[2,2,4,7,6], weight=float32[6,4,3,2]. Add or remove axes of length "
        "1.",
    ),
    "torch_dtypes": (
        lambda: torch.conv2d(first.astype(jnp.int32), z(6, 4, 3, 2)),
        TypeError,
        "conv2d: input and weight must have the same dtype; got input=int32[2,4,7,6], "
        "weight=float32[6,4,3,2]. Convert one, e.g. input.astype(weight.dtype), "
        "whichever loses nothing.",
    ),
    "onnx_signed_beside_unsigned": (
        lambda: onnx.Conv(first.astype(jnp.uint8), z(6, 4, 3, 2).astype(jnp.int8)),
        TypeError,
        "Conv: X and W must have the same dtype; got X=uint8[2,4,7,6], W=int8[6,4,3,2]. Convert "
        "both: X.astype('int32') and W.astype('int32').",
    ),
    "torch_groups": (
        lambda: torch.conv2d(first, oihw, groups=4),
        ValueError,
        "conv2d: groups must divide the channels of weight; got groups=4, "
        "weight=float32[6,2,3,2]. Pass a divisor.",
    ),
    "torch_groups_zero": (
        lambda: torch.conv2d(first, oihw, groups=0),
        ValueError,
        "conv2d: groups must be at least 1; got groups=0. Pass 1 or more.",
    ),
    "torch_channels": (
        lambda: torch.conv2d(first, oihw),
        ValueError,
        "conv2d: input must have the 2 channels to which weight applies; got "
        "input_channels=4, weight=float32[6,2,3,2], groups=1. Pass input and weight and "
        "groups that belong together.",
    ),
    "torch_same_strided": (
        lambda: torch.conv2d(first, oihw, None, 2, "same", groups=2),
        ValueError,
        "conv2d: padding='same' needs stride 1; got stride=2. Pass integers for padding.",
    ),
    "torch_name": (
        lambda: torch.conv2d(first, oihw, padding="full", groups=2),
        ValueError,
        "conv2d: padding must be a known name; got padding='full'. Pass one of 'same', 'valid'.",
    ),
    "torch_negative": (
        lambda: torch.conv2d(first, oihw, padding=-1, groups=2),
        ValueError,
        "conv2d: padding must be at least 0; got padding=-1. Pass 0 or more.",
    ),
    "torch_stride": (
        lambda: torch.conv2d(first, oihw, stride=(1, 2, 3), groups=2),
        ValueError,
        "conv2d: stride must have one entry per spatial dimension (2); got stride=(1, 2, "
        "3). Pass an int, or a tuple of length 2.",
    ),
    "torch_stride_float": (
        lambda: torch.conv2d(first, oihw, stride=1.5, groups=2),
        TypeError,
        "conv2d: stride must be an integer; got stride=1.5. Pass Python ints.",
    ),
    "torch_kernel_too_large": (
        lambda: torch.conv2d(first, z(6, 2, 9, 2), groups=2),
        ValueError,
        "conv2d: the dilated kernel must not be longer than the padded input; got "
        "dilated_kernel_size=(9, 2), padded_size=(7, 6). Pass at least 2 more padding, "
        "or a smaller kernel or dilation.",
    ),
    "torch_bias": (
        lambda: torch.conv2d(first, oihw, z(4), groups=2),
        ValueError,
        "conv2d: bias must be an array with one entry per channel of the result; got "
        "bias=float32[4]. Pass an array of shape (6,).",
    ),
    "torch_bias_dtype": (
        lambda: torch.conv2d(first, oihw, z(6, dtype=jnp.float16), groups=2),
        TypeError,
        "conv2d: bias must have the dtype of the result; got bias=float16[6]. Pass "
        "bias.astype('float32').",
    ),
    "torch_output_padding": (
        lambda: torch.conv_transpose2d(first, z(4, 3, 3, 2), stride=2, output_padding=2),
        ValueError,
        "conv_transpose2d: output_padding must be smaller than stride or than dilation; "
        "got output_padding=2, stride=2, dilation=1. Pass less, or output_size.",
    ),
    "torch_output_size": (
        lambda: torch.conv_transpose2d(first, z(4, 3, 3, 2), stride=2, output_size=(15, 20)),
        ValueError,
        "conv_transpose2d: output_size must be one that the forward convolution maps to "
        "the size of input; got output_size=(15, 20). Pass sizes from (15, 12) to (16, "
        "13).",
    ),
    "torch_both": (
        lambda: torch.conv_transpose2d(first, z(4, 3, 3, 2), None, 2, 0, 1, output_size=(15, 13)),
        ValueError,
        "conv_transpose2d: output_padding and output_size say the same thing twice; got "
        "output_padding=1, output_size=(15, 13). Pass only one of them.",
    ),
    "torch_crops_all": (
        lambda: torch.conv_transpose2d(z(1, 4, 1, 1), z(4, 3, 3, 2), padding=2),
        ValueError,
        "conv_transpose2d: padding must leave something of the result; got padding=2, "
        "output_size=(-1, -2). Pass less padding.",
    ),
    "onnx_pads": (
        lambda: onnx.Conv(first, z(6, 4, 3, 2), pads=[1, 1]),
        ValueError,
        "Conv: pads must hold 2 beginnings, then 2 ends; got pads=[1, 1]. Pass [low, "
        "..., high, ...].",
    ),
    "onnx_pads_and_auto": (
        lambda: onnx.Conv(first, z(6, 4, 3, 2), pads=[1, 1, 1, 1], auto_pad="VALID"),
        ValueError,
        "Conv: pads and auto_pad cannot both be given; got pads=[1, 1, 1, 1], "
        "auto_pad='VALID'. Pass only one of them.",
    ),
    "onnx_auto_pad": (
        lambda: onnx.Conv(first, z(6, 4, 3, 2), auto_pad="SAME"),
        ValueError,
        "Conv: auto_pad must be a known name; got auto_pad='SAME'. Pass one of 'NOTSET', "
        "'SAME_UPPER', 'SAME_LOWER', 'VALID'.",
    ),
    "onnx_kernel_shape": (
        lambda: onnx.ConvTranspose(first, z(4, 6, 3, 2), kernel_shape=[2, 3]),
        ValueError,
        "ConvTranspose: kernel_shape must be that of W; got kernel_shape=[2, 3]. Pass "
        "[3, 2], or leave it out.",
    ),
    "onnx_crops_all": (
        lambda: onnx.ConvTranspose(first, z(4, 6, 3, 2), pads=[9, 9, 9, 9]),
        ValueError,
        "ConvTranspose: padding must not crop more than there is; got output_size=(-9, "
        "-11). Pass less padding.",
    ),
    "onnx_output_padding": (
        lambda: onnx.ConvTranspose(first, z(4, 6, 3, 2), output_padding=[-1, 0]),
        ValueError,
        "ConvTranspose: output_padding must be at least 0 in every dimension; got "
        "output_padding=[-1, 0]. Pass 0 or more.",
    ),
    "onnx_unbatched": (
        lambda: onnx.Conv(first[0], z(6, 4, 3, 2)),
        ValueError,
        "Conv: X must have 4 axes where W has 4; got X=float32[4,7,6], "
        "W=float32[6,4,3,2]. Add or remove axes of length 1.",
    ),
    "kernel_source": (
        lambda: convert_kernel(hwio, source="mlx", target="torch"),
        ValueError,
        "convert_kernel: source must be a framework whose kernels are known; got "
        "source='mlx'. Pass one of 'jaxdeconv', 'lax', 'flax', 'haiku', 'keras', "
        "'tensorflow', 'torch', 'onnx', 'equinox'.",
    ),
    "kernel_list": (
        lambda: convert_kernel([1.0], source="flax", target="torch"),
        TypeError,
        "convert_kernel: w must be a NumPy or JAX array, or a tensor; got w=[1.0]. Pass "
        "numpy.asarray(w).",
    ),
    "kernel_groups": (
        lambda: convert_kernel(hwio, source="flax", target="torch", groups=4),
        ValueError,
        "convert_kernel: groups must divide the channels of w; got groups=4, "
        "w=float32[3,2,4,6]. Pass the groups of the map, or the kernel as its framework "
        "stores it.",
    ),
    "kernel_axes": (
        lambda: convert_kernel(z(3), source="flax", target="torch"),
        ValueError,
        "convert_kernel: w must have two axes of channels; got w=float32[3]. Pass the "
        "kernel with all its axes.",
    ),
    "kernel_not_zero_between": (
        lambda: convert_kernel(
            np.ones((3, 4, 6)), source="flax", target="torch", groups=2, transposed=True
        ),
        ValueError,
        "convert_kernel: w of flax must be zero between the groups; got "
        "w=float64[3,4,6], groups=2. Pass groups=1, or the number of groups with which "
        "the kernel was made.",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_message(name: str) -> None:
    call, kind, message = BAD[name]
    check_message(call, kind, message)
    check_message(lambda: jax.eval_shape(call), kind, message)
