"""What a wrong argument says: the framework's name for it, its value, what to pass instead.

All of it is raised while tracing, from shapes alone.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv.compat import convert_kernel, keras, lax, onnx, tensorflow, torch
from tests.support.bad_inputs import BadInputs, check_message, z

pytestmark = pytest.mark.every_variant

first, last = z(2, 4, 7, 6), z(2, 7, 6, 4)
oihw, dense, hwio, hwoi = z(6, 2, 3, 2), z(6, 4, 3, 2), z(3, 2, 4, 6), z(3, 2, 6, 4)
iohw = z(4, 6, 3, 2)

BAD: BadInputs = {
    "torch_no_array": (
        lambda: torch.conv2d([[1.0]], oihw),
        TypeError,
        "conv2d: input ...; got input=[[1.0]]. ...asarray(input)...",
    ),
    "torch_rank": (
        lambda: torch.conv1d(first, oihw),
        ValueError,
        "conv1d: weight ...; got weight=float32[6,2,3,2]. ...function...",
    ),
    "torch_axes": (
        lambda: torch.conv2d(z(2, 2, 4, 7, 6), dense),
        ValueError,
        "conv2d: input must have 3 or 4 axes ..."
        "; got input=float32[2,2,4,7,6], weight=float32[6,4,3,2]. ...axes...",
    ),
    "torch_groups": (
        lambda: torch.conv2d(first, oihw, groups=4),
        ValueError,
        "conv2d: groups ...; got groups=4, weight=float32[6,2,3,2]. ...divisor...",
    ),
    "torch_groups_zero": (
        lambda: torch.conv2d(first, oihw, groups=0),
        ValueError,
        "conv2d: groups ...; got groups=0. ...1...",
    ),
    "torch_same_strided": (
        lambda: torch.conv2d(first, oihw, None, 2, "same", groups=2),
        ValueError,
        "conv2d: padding='same' ...; got stride=2. ...integers...",
    ),
    "torch_name": (
        lambda: torch.conv2d(first, oihw, padding="full", groups=2),
        ValueError,
        "conv2d: padding ...; got padding='full'. ...'same', 'valid'...",
    ),
    "torch_negative": (
        lambda: torch.conv2d(first, oihw, padding=-1, groups=2),
        ValueError,
        "conv2d: padding ...; got padding=-1. ...0...",
    ),
    "torch_stride": (
        lambda: torch.conv2d(first, oihw, stride=(1, 2, 3), groups=2),
        ValueError,
        "conv2d: stride ...; got stride=(1, 2, 3). ...length 2...",
    ),
    "torch_stride_float": (
        lambda: torch.conv2d(first, oihw, stride=1.5, groups=2),
        TypeError,
        "conv2d: stride ...; got stride=1.5. ...int...",
    ),
    "torch_kernel_too_large": (
        lambda: torch.conv2d(first, z(6, 2, 9, 2), groups=2),
        ValueError,
        "conv2d: the dilated kernel ..."
        "; got dilated_kernel_size=(9, 2), padded_size=(7, 6). ...2 more padding...",
    ),
    "torch_bias": (
        lambda: torch.conv2d(first, oihw, z(4), groups=2),
        ValueError,
        "conv2d: bias ...; got bias=float32[4]. ...(6,)...",
    ),
    "torch_bias_dtype": (
        lambda: torch.conv2d(first, oihw, z(6, dtype=jnp.float16), groups=2),
        TypeError,
        "conv2d: bias ...; got bias=float16[6]. ...bias.astype('float32')...",
    ),
    "torch_output_padding": (
        lambda: torch.conv_transpose2d(first, iohw, stride=2, output_padding=2),
        ValueError,
        "conv_transpose2d: output_padding ..."
        "; got output_padding=2, stride=2, dilation=1. ...output_size...",
    ),
    "torch_output_size": (
        lambda: torch.conv_transpose2d(first, iohw, stride=2, output_size=(15, 20)),
        ValueError,
        "conv_transpose2d: output_size ..."
        "; got output_size=(15, 20). ...from (15, 12) to (16, 13)...",
    ),
    "torch_both": (
        lambda: torch.conv_transpose2d(first, iohw, None, 2, 0, 1, output_size=(15, 13)),
        ValueError,
        "conv_transpose2d: output_padding and output_size ..."
        "; got output_padding=1, output_size=(15, 13). ...one of them...",
    ),
    "torch_crops_all": (
        lambda: torch.conv_transpose2d(z(1, 4, 1, 1), iohw, padding=2),
        ValueError,
        "conv_transpose2d: padding ...; got padding=2, output_size=(-1, -2). ...less padding...",
    ),
    "onnx_signed_beside_unsigned": (
        lambda: onnx.Conv(first.astype(jnp.uint8), dense.astype(jnp.int8)),
        TypeError,
        "Conv: X and W ..."
        "; got X=uint8[2,4,7,6], W=int8[6,4,3,2]. ...X.astype('int32') and W.astype('int32')...",
    ),
    "onnx_pads": (
        lambda: onnx.Conv(first, dense, pads=[1, 1]),
        ValueError,
        "Conv: pads ...; got pads=[1, 1]. ...[low, ..., high, ...]...",
    ),
    "onnx_pads_and_auto": (
        lambda: onnx.Conv(first, dense, pads=[1, 1, 1, 1], auto_pad="VALID"),
        ValueError,
        "Conv: pads and auto_pad ...; got pads=[1, 1, 1, 1], auto_pad='VALID'. ...one of them...",
    ),
    "onnx_auto_pad": (
        lambda: onnx.Conv(first, dense, auto_pad="SAME"),
        ValueError,
        "Conv: auto_pad ..."
        "; got auto_pad='SAME'. ...'NOTSET', 'SAME_UPPER', 'SAME_LOWER', 'VALID'...",
    ),
    "onnx_kernel_shape": (
        lambda: onnx.ConvTranspose(first, iohw, kernel_shape=[2, 3]),
        ValueError,
        "ConvTranspose: kernel_shape ...; got kernel_shape=[2, 3]. ...[3, 2]...",
    ),
    "onnx_crops_all": (
        lambda: onnx.ConvTranspose(first, iohw, pads=[9, 9, 9, 9]),
        ValueError,
        "ConvTranspose: padding ...; got output_size=(-9, -11). ...less padding...",
    ),
    "onnx_output_padding": (
        lambda: onnx.ConvTranspose(first, iohw, output_padding=[-1, 0]),
        ValueError,
        "ConvTranspose: output_padding ...; got output_padding=[-1, 0]. ...0...",
    ),
    "onnx_unbatched": (
        lambda: onnx.Conv(first[0], dense),
        ValueError,
        "Conv: X must have 4 axes ...; got X=float32[4,7,6], W=float32[6,4,3,2]. ...axes...",
    ),
    "lax_axes": (
        lambda: lax.conv_transpose(last, z(3, 4, 6), (1,), "SAME"),
        ValueError,
        "conv_transpose: lhs and rhs ..."
        "; got lhs=float32[2,7,6,4], rhs=float32[3,4,6]. ...batch axis...",
    ),
    "lax_stride": (
        lambda: lax.conv_general_dilated(first, dense, (0, 1), "SAME"),
        ValueError,
        "conv_general_dilated: window_strides ...; got window_strides=(0, 1). ...1...",
    ),
    "lax_dilation": (
        lambda: lax.conv_general_dilated(first, dense, (1, 1), "SAME", rhs_dilation=(1, 0)),
        ValueError,
        "conv_general_dilated: rhs_dilation ...; got rhs_dilation=(1, 0). ...1...",
    ),
    "lax_name": (
        lambda: lax.conv_transpose(last, hwio, (1, 1), "SAME_LOWER"),
        ValueError,
        "conv_transpose: padding ...; got padding='SAME_LOWER'. ...'SAME', 'VALID'...",
    ),
    "lax_pairs": (
        lambda: lax.conv_transpose(last, hwio, (1, 1), [(1, 1)]),
        ValueError,
        "conv_transpose: padding ...; got padding=[(1, 1)]. ...(low, high)...",
    ),
    "lax_channels": (
        lambda: lax.conv_transpose(last, hwio, (1, 1), "SAME", transpose_kernel=True),
        ValueError,
        "conv_transpose: lhs must have the 6 channels ..."
        "; got lhs_channels=4, rhs=float32[3,2,4,6]. ...lhs and rhs...",
    ),
    "lax_numbers": (
        lambda: lax.conv_transpose(
            last, hwio, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHW")
        ),
        ValueError,
        "conv_transpose: dimension_numbers ..."
        "; got dimension_numbers=('NHWC', 'HWIO', 'NHW'). ...('NCHW', 'OIHW', 'NCHW')...",
    ),
    "lax_dtypes": (
        lambda: lax.conv_transpose(last, hwio.astype(jnp.float16), (1, 1), "SAME"),
        TypeError,
        "conv_transpose: lhs and rhs ..."
        "; got lhs=float32[2,7,6,4], rhs=float16[3,2,4,6]. ...lhs.astype(rhs.dtype)...",
    ),
    "keras_padding": (
        lambda: keras.conv(last, hwio, padding="causal"),
        ValueError,
        "conv: padding ...; got padding='causal'. ...'valid', 'same'...",
    ),
    "keras_data_format": (
        lambda: keras.conv_transpose(last, hwoi, data_format="NHWC"),
        ValueError,
        "conv_transpose: data_format ..."
        "; got data_format='NHWC'. ...'channels_last', 'channels_first'...",
    ),
    "keras_channels": (
        lambda: keras.conv(last, z(3, 2, 3, 6)),
        ValueError,
        "conv: inputs must have the 3 channels ..."
        "; got inputs_channels=4, kernel=float32[3,2,3,6], groups=1. ...inputs and kernel...",
    ),
    "keras_output_padding": (
        lambda: keras.conv_transpose(last, hwoi, output_padding=-1),
        ValueError,
        "conv_transpose: output_padding ...; got output_padding=-1. ...0...",
    ),
    "keras_strides": (
        lambda: keras.conv_transpose(last, hwoi, strides=0),
        ValueError,
        "conv_transpose: strides ...; got strides=0. ...1...",
    ),
    "tf_output_shape": (
        lambda: tensorflow.conv_transpose(last, hwoi, (2, 15, 12, 6), 2),
        ValueError,
        "conv_transpose: output_shape ..."
        "; got output_shape=(2, 15, 12, 6), input_size=(7, 6). ...input of size (8, 6)...",
    ),
    "tf_output_channels": (
        lambda: tensorflow.conv_transpose(last, hwoi, (2, 14, 12, 4), 2),
        ValueError,
        "conv_transpose: output_shape ...; got output_shape=(2, 14, 12, 4). ...channels are 6...",
    ),
    "tf_strides": (
        lambda: tensorflow.convolution(last, hwio, [2, 1, 1, 1]),
        ValueError,
        "convolution: strides ...; got strides=[2, 1, 1, 1]. ...one entry per spatial dimension...",
    ),
    "tf_padding": (
        lambda: tensorflow.convolution(last, hwio, 1, [(1, 1), (1, 1)]),
        ValueError,
        "convolution: padding ..."
        "; got padding=[(1, 1), (1, 1)]. ...[[0, 0], [1, 1], [1, 1], [0, 0]]...",
    ),
    "tf_padding_of_batch": (
        lambda: tensorflow.convolution(last, hwio, 1, [(1, 1), (1, 1), (0, 0), (0, 0)]),
        ValueError,
        "convolution: padding ...; got padding=[(1, 1), (1, 1), (0, 0), (0, 0)]. ...(0, 0)...",
    ),
    "tf_data_format": (
        lambda: tensorflow.convolution(last, hwio, data_format="NWC"),
        ValueError,
        "convolution: data_format ...; got data_format='NWC'. ...'NHWC', 'NCHW'...",
    ),
    "kernel_source": (
        lambda: convert_kernel(hwio, source="mlx", target="torch"),
        ValueError,
        "convert_kernel: source ...; got source='mlx'. ...'torch', 'onnx', 'equinox'...",
    ),
    "kernel_list": (
        lambda: convert_kernel([1.0], source="flax", target="torch"),
        TypeError,
        "convert_kernel: w ...; got w=[1.0]. ...numpy.asarray(w)...",
    ),
    "kernel_groups": (
        lambda: convert_kernel(hwio, source="flax", target="torch", groups=4),
        ValueError,
        "convert_kernel: groups ...; got groups=4, w=float32[3,2,4,6]. ...groups of the map...",
    ),
    "kernel_axes": (
        lambda: convert_kernel(z(3), source="flax", target="torch"),
        ValueError,
        "convert_kernel: w ...; got w=float32[3]. ...axes...",
    ),
    "kernel_not_zero_between": (
        lambda: convert_kernel(
            np.ones((3, 4, 6)), source="flax", target="torch", groups=2, transposed=True
        ),
        ValueError,
        "convert_kernel: w of flax ...; got w=float64[3,4,6], groups=2. ...groups=1...",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_message(name: str) -> None:
    call, kind, message = BAD[name]
    check_message(call, kind, message)
    check_message(lambda: jax.eval_shape(call), kind, message)


def test_whole_messages() -> None:
    """One of each class of error."""
    check_message(
        lambda: torch.conv2d(first, oihw),
        ValueError,
        "conv2d: input must have the 2 channels to which weight applies; got input_channels=4, "
        "weight=float32[6,2,3,2], groups=1. Pass matching input and weight and groups.",
    )
    check_message(
        lambda: torch.conv2d(first.astype(jnp.int32), dense),
        TypeError,
        "conv2d: input and weight must have the same dtype; got input=int32[2,4,7,6], "
        "weight=float32[6,4,3,2]. Convert one, e.g. input.astype(weight.dtype), whichever loses "
        "nothing.",
    )
