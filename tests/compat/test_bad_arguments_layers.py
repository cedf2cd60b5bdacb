"""Haiku, Equinox, Flax: what a wrong argument says, and what to pass instead.

Every message is raised while tracing, from shapes alone; here each stands in full.
"""

import jax
import jax.numpy as jnp
import pytest

from jaxdeconv.compat import equinox, flax, haiku
from tests.support.bad_inputs import BadInputs, check_message, z

pytestmark = pytest.mark.every_variant

first, last, hwio = z(2, 4, 7, 6), z(2, 7, 6, 4), z(3, 2, 4, 6)

BAD: BadInputs = {
    "haiku_padding": (
        lambda: haiku.conv(last, hwio, padding=1),
        ValueError,
        "conv: padding must be a name, (low, high) pairs, or functions that return them; "
        "got padding=1. Pass for example 'SAME', (1, 1), or hk.pad.causal.",
    ),
    "haiku_mask": (
        lambda: haiku.conv(last, hwio, mask=z(3, 2)),
        ValueError,
        "conv: mask must be an array of the shape of w; got mask=float32[3,2]. Pass an "
        "array of shape (3, 2, 4, 6).",
    ),
    "haiku_mask_dtype": (
        lambda: haiku.conv(last, hwio.astype(jnp.int32), mask=hwio),
        TypeError,
        "conv: mask must have a dtype that w can take without loss; got "
        "mask=float32[3,2,4,6], w=int32[3,2,4,6]. Pass mask.astype('int32').",
    ),
    "haiku_data_format": (
        lambda: haiku.conv(last, hwio, data_format="NCHWD"),
        ValueError,
        "conv: data_format must be a known name; got data_format='NCHWD'. Pass one of "
        "'channels_last', 'N...C', 'NWC', 'NHWC', 'NDHWC', 'channels_first', 'NC...', "
        "'NCW', 'NCHW', 'NCDHW'.",
    ),
    "haiku_output_shape": (
        lambda: haiku.conv_transpose(last, z(3, 2, 6, 4), stride=2, output_shape=(15, 12)),
        ValueError,
        "conv_transpose: output_shape must be one that the forward convolution maps to "
        "the size of inputs; got output_shape=(15, 12), inputs_size=(7, 6). For this "
        "output_shape pass inputs of size (8, 6).",
    ),
    "haiku_output_shape_pairs": (
        lambda: haiku.conv_transpose(last, z(3, 2, 6, 4), output_shape=7, padding=[(1, 1), (1, 1)]),
        ValueError,
        "conv_transpose: padding must be a known name; got padding=[(1, 1), (1, 1)]. "
        "Pass one of 'SAME', 'VALID'.",
    ),
    "equinox_batch": (
        lambda: equinox.conv(first, z(6, 4, 3, 2)),
        ValueError,
        "conv: x must have 3 axes where weight has 4; got x=float32[2,4,7,6], "
        "weight=float32[6,4,3,2]. Add or remove axes of length 1.",
    ),
    "equinox_mode": (
        lambda: equinox.conv_transpose(first[0], z(6, 4, 3, 2), padding_mode="REFLECT"),
        ValueError,
        "conv_transpose: padding_mode must be a known name; got padding_mode='REFLECT'. "
        "Pass one of 'ZEROS', 'CIRCULAR'.",
    ),
    "equinox_circular": (
        lambda: equinox.conv_transpose(first[0], z(6, 4, 3, 2), padding_mode="CIRCULAR"),
        ValueError,
        "conv_transpose: padding_mode='CIRCULAR' needs padding 'SAME' or 'SAME_LOWER', "
        "and no output_padding; got padding=0, output_padding=0. Pass these, or "
        "padding_mode='ZEROS'.",
    ),
    "equinox_output_padding": (
        lambda: equinox.conv_transpose(first[0], z(6, 4, 3, 2), stride=2, output_padding=2),
        ValueError,
        "conv_transpose: output_padding must be smaller than stride; got "
        "output_padding=2, stride=2. Pass less.",
    ),
    "equinox_causal": (
        lambda: equinox.conv(first[0], z(6, 4, 3, 2), padding="CAUSAL"),
        ValueError,
        "conv: padding must be a known name; got padding='CAUSAL'. Pass one of 'SAME', "
        "'SAME_LOWER', 'VALID'.",
    ),
    "equinox_mode_kind": (
        lambda: equinox.conv(first[0], z(6, 4, 3, 2), padding_mode=0),
        ValueError,
        "conv: padding_mode must be a known name; got padding_mode=0. Pass one of "
        "'ZEROS', 'REFLECT', 'REPLICATE', 'CIRCULAR'.",
    ),
    "flax_causal": (
        lambda: flax.conv(last, hwio, padding="CAUSAL"),
        ValueError,
        "conv: padding='CAUSAL' is for one spatial dimension; got padding='CAUSAL'. Pass pairs.",
    ),
    "flax_name": (
        lambda: flax.conv_transpose(last, hwio, padding="REFLECT"),
        ValueError,
        "conv_transpose: padding must be a known name; got padding='REFLECT'. Pass one "
        "of 'SAME', 'VALID', 'CIRCULAR'.",
    ),
    "flax_input_dilation": (
        lambda: flax.conv(last, hwio, input_dilation=2),
        ValueError,
        "conv: padding must be given in numbers where input_dilation is above 1; got "
        "padding='SAME', input_dilation=2. Pass (low, high) pairs.",
    ),
    "flax_dtype": (
        lambda: flax.conv(last, hwio, dtype="int32"),
        ValueError,
        "conv: dtype must be a floating or complex one; got dtype='int32'. Pass for "
        "example 'float32'.",
    ),
    "flax_crops_all": (
        lambda: flax.conv_transpose(z(1, 1, 4), z(3, 4, 6), padding=0),
        ValueError,
        "conv_transpose: padding must not crop more than there is; got "
        "output_size=(-1,). Pass less padding.",
    ),
    "flax_no_kernel": (
        lambda: flax.conv(last, None),
        TypeError,
        "conv: kernel must be an array; got kernel=None. Pass jax.numpy.asarray(kernel).",
    ),
    "flax_bias": (
        lambda: flax.conv(last, hwio, z(4)),
        ValueError,
        "conv: bias must be an array with one entry per channel of the result; got "
        "bias=float32[4]. Pass an array of shape (6,).",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_message(name: str) -> None:
    call, kind, message = BAD[name]
    check_message(call, kind, message)
    check_message(lambda: jax.eval_shape(call), kind, message)
