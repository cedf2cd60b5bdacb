"""lax, Keras, TensorFlow: what a wrong argument says, and what to pass instead.

Every message is raised while tracing, from shapes alone; here each stands in full.
"""

import jax
import jax.numpy as jnp
import pytest

from jaxdeconv.compat import keras, lax, tensorflow
from tests.support.bad_inputs import BadInputs, check_message, z

pytestmark = pytest.mark.every_variant

first, last, hwio = z(2, 4, 7, 6), z(2, 7, 6, 4), z(3, 2, 4, 6)

BAD: BadInputs = {
    "lax_axes": (
        lambda: lax.conv_transpose(last, z(3, 4, 6), (1,), "SAME"),
        ValueError,
        "conv_transpose: lhs and rhs must be arrays with the same number of axes, at "
        "least 2; got lhs=float32[2,7,6,4], rhs=float32[3,4,6]. Give lhs a batch axis "
        "and an axis of channels.",
    ),
    "lax_stride": (
        lambda: lax.conv_general_dilated(first, z(6, 4, 3, 2), (0, 1), "SAME"),
        ValueError,
        "conv_general_dilated: window_strides must be at least 1 in every dimension; got "
        "window_strides=(0, 1). Pass 1 or more.",
    ),
    "lax_dilation": (
        lambda: lax.conv_general_dilated(first, z(6, 4, 3, 2), (1, 1), "SAME", rhs_dilation=(1, 0)),
        ValueError,
        "conv_general_dilated: rhs_dilation must be at least 1 in every dimension; got "
        "rhs_dilation=(1, 0). Pass 1 or more.",
    ),
    "lax_name": (
        lambda: lax.conv_transpose(last, hwio, (1, 1), "SAME_LOWER"),
        ValueError,
        "conv_transpose: padding must be a known name; got padding='SAME_LOWER'. Pass "
        "one of 'SAME', 'VALID'.",
    ),
    "lax_pairs": (
        lambda: lax.conv_transpose(last, hwio, (1, 1), [(1, 1)]),
        ValueError,
        "conv_transpose: padding must have one entry per spatial dimension (2); got "
        "padding=[(1, 1)]. Pass an int, or a tuple of 2 ints or (low, high) pairs.",
    ),
    "lax_channels": (
        lambda: lax.conv_transpose(last, hwio, (1, 1), "SAME", transpose_kernel=True),
        ValueError,
        "conv_transpose: lhs must have the 6 channels to which rhs applies; got "
        "lhs_channels=4, rhs=float32[3,2,4,6]. Pass lhs and rhs that belong together.",
    ),
    "lax_numbers": (
        lambda: lax.conv_transpose(
            last, hwio, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHW")
        ),
        ValueError,
        "conv_transpose: dimension_numbers must name v and u by N, C and the spatial "
        "letters, w by I, O and the same spatial letters, each once; got "
        "dimension_numbers=('NHWC', 'HWIO', 'NHW'). Pass for example ('NCHW', 'OIHW', "
        "'NCHW').",
    ),
    "lax_dtypes": (
        lambda: lax.conv_transpose(last, hwio.astype(jnp.float16), (1, 1), "SAME"),
        TypeError,
        "conv_transpose: lhs and rhs must have the same dtype; got lhs=float32[2,7,6,4], "
        "rhs=float16[3,2,4,6]. Convert one, e.g. lhs.astype(rhs.dtype), whichever loses "
        "nothing.",
    ),
    "keras_padding": (
        lambda: keras.conv(last, hwio, padding="causal"),
        ValueError,
        "conv: padding must be a known name; got padding='causal'. Pass one of 'valid', 'same'.",
    ),
    "keras_data_format": (
        lambda: keras.conv_transpose(last, z(3, 2, 6, 4), data_format="NHWC"),
        ValueError,
        "conv_transpose: data_format must be a known name; got data_format='NHWC'. Pass "
        "one of 'channels_last', 'channels_first'.",
    ),
    "keras_channels": (
        lambda: keras.conv(last, z(3, 2, 3, 6)),
        ValueError,
        "conv: inputs must have the 3 channels to which kernel applies; got "
        "inputs_channels=4, kernel=float32[3,2,3,6], groups=1. Pass inputs and kernel "
        "and groups that belong together.",
    ),
    "keras_output_padding": (
        lambda: keras.conv_transpose(last, z(3, 2, 6, 4), output_padding=-1),
        ValueError,
        "conv_transpose: output_padding must be at least 0; got output_padding=-1. Pass 0 or more.",
    ),
    "keras_strides": (
        lambda: keras.conv_transpose(last, z(3, 2, 6, 4), strides=0),
        ValueError,
        "conv_transpose: strides must be at least 1; got strides=0. Pass 1 or more.",
    ),
    "tf_output_shape": (
        lambda: tensorflow.conv_transpose(last, z(3, 2, 6, 4), (2, 15, 12, 6), 2),
        ValueError,
        "conv_transpose: output_shape must be one that the forward convolution maps to "
        "the shape of input; got output_shape=(2, 15, 12, 6), input_size=(7, 6). For "
        "this output_shape pass an input of size (8, 6).",
    ),
    "tf_output_channels": (
        lambda: tensorflow.conv_transpose(last, z(3, 2, 6, 4), (2, 14, 12, 4), 2),
        ValueError,
        "conv_transpose: output_shape must have the batch of input and the output "
        "channels of filters; got output_shape=(2, 14, 12, 4). Its batch is 2, its "
        "channels are 6.",
    ),
    "tf_strides": (
        lambda: tensorflow.convolution(last, hwio, [2, 1, 1, 1]),
        ValueError,
        "convolution: strides must be 1 for batch and channels; got strides=[2, 1, 1, "
        "1]. Pass one entry per spatial dimension.",
    ),
    "tf_padding": (
        lambda: tensorflow.convolution(last, hwio, 1, [(1, 1), (1, 1)]),
        ValueError,
        "convolution: padding must be a name, or a (low, high) pair per axis of input; "
        "got padding=[(1, 1), (1, 1)]. Pass 'VALID', 'SAME', or for example [[0, 0], [1, "
        "1], [1, 1], [0, 0]].",
    ),
    "tf_padding_of_batch": (
        lambda: tensorflow.convolution(last, hwio, 1, [(1, 1), (1, 1), (0, 0), (0, 0)]),
        ValueError,
        "convolution: padding must be 0 for batch and channels; got padding=[(1, 1), (1, "
        "1), (0, 0), (0, 0)]. Pass (0, 0) for these axes.",
    ),
    "tf_data_format": (
        lambda: tensorflow.convolution(last, hwio, data_format="NWC"),
        ValueError,
        "convolution: data_format must be a known name; got data_format='NWC'. Pass one "
        "of 'NHWC', 'NCHW'.",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_message(name: str) -> None:
    call, kind, message = BAD[name]
    check_message(call, kind, message)
    check_message(lambda: jax.eval_shape(call), kind, message)
