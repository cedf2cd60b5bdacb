"""What a wrong argument says, in full."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv.interpolation import (
    Profile,
    geometry,
    kernel,
    keys,
    lanczos,
    taps,
    upsample,
    upsample_transpose,
)
from tests.support.bad_inputs import BadInputs, check_message

pytestmark = pytest.mark.every_variant

u = jnp.zeros((2, 4, 3, 1))
METHODS = "'nearest', 'linear', 'cubic', 'lanczos3', 'lanczos5'"

BAD: BadInputs = {
    "factor_0": (
        lambda: taps(0),
        ValueError,
        "taps: factor must be at least 1; got factor=0. Pass 1 or more.",
    ),
    "factor_fraction": (
        lambda: upsample(u, (2, 1.5)),
        TypeError,
        "upsample: factor must hold integers; got factor=(2, 1.5). Pass Python ints.",
    ),
    "unknown_method": (
        lambda: upsample(u, (2, 2), "quadratic"),
        ValueError,
        "upsample: method must be a known name; got method='quadratic'. "
        f"Pass one of {METHODS}, or a Profile.",
    ),
    "method_of_another_kind": (
        lambda: geometry(4, 2, 3),
        TypeError,
        "geometry: method must be a name or a Profile; got method=3. "
        f"Pass one of {METHODS}, keys(a) or lanczos(lobes).",
    ),
    "unknown_align": (
        lambda: kernel(2, align="corners"),
        ValueError,
        "kernel: align must be a known name; got align='corners'. Pass one of 'areas', 'centres'.",
    ),
    "unknown_align_transposed": (
        lambda: upsample_transpose(u, (2, 3), align="corners"),
        ValueError,
        "upsample_transpose: align must be a known name; got align='corners'. "
        "Pass one of 'areas', 'centres'.",
    ),
    "unknown_border": (
        lambda: upsample(u, (2, 2), border="edge"),
        ValueError,
        "upsample: border must be a known name; got border='edge'. Pass one of 'renormalise', "
        "'zeros', 'circular', 'reflect', 'replicate', 'symmetric'.",
    ),
    "too_few_taps": (
        lambda: taps(2, "cubic", size=6),
        ValueError,
        "taps: size must hold the whole profile; got size=6, factor=2. Pass 8 or more.",
    ),
    "no_middle_between_two_centres": (
        lambda: kernel(2, "nearest", align="centres"),
        ValueError,
        "kernel: method must give every output cell an input cell to take its value from; got "
        "method='nearest', factor=2, size=1. Pass a wider profile, or another factor or alignment.",
    ),
    "profile_of_nan": (
        lambda: taps(2, Profile("nan", 2, lambda x: np.nan * x)),
        ValueError,
        "taps: method must give every output cell an input cell to take its value from; got "
        "method='nan', factor=2, size=4. Pass a wider profile, or another factor or alignment.",
    ),
    "integers": (
        lambda: upsample(jnp.zeros((4, 1), jnp.int32), 2),
        TypeError,
        "upsample: the dtype must be floating, real or complex: the weights are fractions; got "
        "dtype='int32'. Convert with .astype(jax.numpy.float32), and the result back with "
        "jax.numpy.clip(jax.numpy.round(x), -2147483648, 2147483647).astype('int32').",
    ),
    "picture": (
        lambda: upsample(jnp.zeros((1, 6, 7, 3), jnp.uint8), 2),
        TypeError,
        "upsample: the dtype must be floating, real or complex: the weights are fractions; got "
        "dtype='uint8'. Convert with .astype(jax.numpy.float32), and the result back with "
        "jax.numpy.clip(jax.numpy.round(x), 0, 255).astype('uint8').",
    ),
    "mask": (
        lambda: upsample_transpose(jnp.zeros((4, 1), bool), 2),
        TypeError,
        "upsample_transpose: the dtype must be floating, real or complex: the weights are "
        "fractions; got dtype='bool'. Convert with .astype(jax.numpy.float32).",
    ),
    "image_or_batch_of_signals": (
        lambda: upsample(jnp.zeros((6, 7, 3)), 2),
        ValueError,
        "upsample: factor must have one entry per spatial dimension, where u has 3 axes; got "
        "factor=2, u=float32[6,7,3]. Pass (2, 2) for an image (height, width, channels), (2,) for "
        "a batch of signals.",
    ),
    "volumes_or_images": (
        lambda: upsample_transpose(jnp.zeros((1, 6, 4, 8, 3)), 2),
        ValueError,
        "upsample_transpose: factor must have one entry per spatial dimension, where v has 5 axes; "
        "got factor=2, v=float32[1,6,4,8,3]. Pass (2, 2, 2) for a batch of volumes, (2, 2) for "
        "images behind two axes of batches.",
    ),
    "six_axes": (
        lambda: upsample(jnp.zeros((1,) * 6), 3),
        ValueError,
        "upsample: factor must have one entry per spatial dimension, where u has 6 axes; got "
        "factor=3, u=float32[1,1,1,1,1,1]. Pass one for each.",
    ),
    "factor_0_of_a_picture": (
        lambda: upsample(jnp.zeros((6, 7, 3)), 0),
        ValueError,
        "upsample: factor must be at least 1; got factor=0. Pass 1 or more.",
    ),
    "not_an_array": (
        lambda: upsample([1.0, 2.0], 2),
        TypeError,
        "upsample: u must be an array; got u=[1.0, 2.0]. Pass jax.numpy.asarray(u).",
    ),
    "no_channels_axis": (
        lambda: upsample(jnp.zeros((4, 3)), (2, 2)),
        ValueError,
        "upsample: u must have 2 spatial axes, one per entry of factor, and one of channels; got "
        "u=float32[4,3]. Pass channels last; add them with x[..., None].",
    ),
    "no_channels": (
        lambda: upsample(jnp.zeros((4, 0)), 2),
        ValueError,
        "upsample: channels must be at least 1; got channels=0. Pass 1 or more.",
    ),
    "size_that_no_upsampling_gives": (
        lambda: upsample_transpose(jnp.zeros((7, 1)), 2),
        ValueError,
        "upsample_transpose: v must have a size that upsample gives: factor * size; got "
        "size=(7,), factor=(2,), align='areas'. Crop or pad v to such a size.",
    ),
    "no_centres": (
        lambda: upsample(jnp.zeros((0, 1)), 2, align="centres"),
        ValueError,
        "upsample: size must be at least 1 in every dimension; got size=(0,). Pass 1 or more.",
    ),
    "keys_of_a_name": (
        lambda: keys("catmull"),
        TypeError,
        "keys: a must be a number; got a='catmull'. Pass a float, such as -0.5.",
    ),
    "keys_of_nan": (
        lambda: keys(float("nan")),
        ValueError,
        "keys: a must be finite; got a=nan. Pass -0.5 or -0.75.",
    ),
    "no_lobes": (
        lambda: lanczos(0),
        ValueError,
        "lanczos: lobes must be at least 1; got lobes=0. Pass 1 or more.",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_message(name: str) -> None:
    check_message(*BAD[name])
