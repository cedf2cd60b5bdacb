"""What a wrong argument says: one message of each kind in full, fragments of the others."""

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

BAD: BadInputs = {
    "unknown_border": (
        lambda: upsample(u, (2, 2), border="edge"),
        ValueError,
        "upsample: border must be a known name; got border='edge'. Pass one of 'renormalise', "
        "'zeros', 'circular', 'reflect', 'replicate', 'symmetric'.",
    ),
    "picture": (
        lambda: upsample(jnp.zeros((1, 6, 7, 3), jnp.uint8), 2),
        TypeError,
        "upsample: the dtype must be real or complex floating, as the weights are fractions; got "
        "dtype='uint8'. Convert with .astype(jax.numpy.float32), and the result back with "
        "jax.numpy.clip(jax.numpy.round(x), 0, 255).astype('uint8').",
    ),
    "factor_0": (lambda: taps(0), ValueError, "taps: factor ...; got factor=0. ..."),
    "factor_fraction": (
        lambda: upsample(u, (2, 1.5)),
        TypeError,
        "upsample: factor ... integers; got factor=(2, 1.5). ...",
    ),
    "unknown_method": (
        lambda: upsample(u, (2, 2), "quadratic"),
        ValueError,
        "upsample: method ...; got method='quadratic'. ...'lanczos5', or a Profile.",
    ),
    "method_of_another_kind": (
        lambda: geometry(4, 2, 3),
        TypeError,
        "geometry: method ...; got method=3. ...'nearest', ...lanczos(lobes).",
    ),
    "unknown_align": (
        lambda: kernel(2, align="corners"),
        ValueError,
        "kernel: align ...; got align='corners'. ...'areas', 'centres'.",
    ),
    "unknown_align_transposed": (
        lambda: upsample_transpose(u, (2, 3), align="corners"),
        ValueError,
        "upsample_transpose: align ...; got align='corners'. ...'areas', 'centres'.",
    ),
    "too_few_taps": (
        lambda: taps(2, "cubic", size=6),
        ValueError,
        "taps: size ...; got size=6, factor=2. Pass 8 or more.",
    ),
    "no_middle_between_two_centres": (
        lambda: kernel(2, "nearest", align="centres"),
        ValueError,
        "kernel: method ...; got method='nearest', factor=2, size=1. ...wider profile...",
    ),
    "profile_of_nan": (
        lambda: taps(2, Profile("nan", 2, lambda x: np.nan * x)),
        ValueError,
        "taps: method ...; got method='nan', factor=2, size=4. ...",
    ),
    "integers": (
        lambda: upsample(jnp.zeros((4, 1), jnp.int32), 2),
        TypeError,
        "upsample: ...; got dtype='int32'. ...(x), -2147483648, 2147483647).astype('int32').",
    ),
    "mask": (
        lambda: upsample_transpose(jnp.zeros((4, 1), bool), 2),
        TypeError,
        "upsample_transpose: ...; got dtype='bool'. Convert with .astype(jax.numpy.float32).",
    ),
    "image_or_batch_of_signals": (
        lambda: upsample(jnp.zeros((6, 7, 3)), 2),
        ValueError,
        "upsample: factor ...u has 3 axes; got factor=2, ...Pass (2, 2) for an image..., (2,) ...",
    ),
    "volumes_or_images": (
        lambda: upsample_transpose(jnp.zeros((1, 6, 4, 8, 3)), 2),
        ValueError,
        "upsample_transpose: factor ...v has 5 axes; got factor=2, ...(2, 2, 2) ...(2, 2) for ...",
    ),
    "six_axes": (
        lambda: upsample(jnp.zeros((1,) * 6), 3),
        ValueError,
        "upsample: factor ...u has 6 axes; got factor=3, u=float32[1,1,1,1,1,1]. ...",
    ),
    "factor_0_of_a_picture": (
        lambda: upsample(jnp.zeros((6, 7, 3)), 0),
        ValueError,
        "upsample: factor ...; got factor=0. ...",
    ),
    "not_an_array": (
        lambda: upsample([1.0, 2.0], 2),
        TypeError,
        "upsample: u ...; got u=[1.0, 2.0]. ...jax.numpy.asarray(u).",
    ),
    "no_channels_axis": (
        lambda: upsample(jnp.zeros((4, 3)), (2, 2)),
        ValueError,
        "upsample: u ...2 spatial axes...; got u=float32[4,3]. ...x[..., None].",
    ),
    "no_channels": (
        lambda: upsample(jnp.zeros((4, 0)), 2),
        ValueError,
        "upsample: channels ...; got channels=0. ...",
    ),
    "size_that_no_upsampling_returns": (
        lambda: upsample_transpose(jnp.zeros((7, 1)), 2),
        ValueError,
        "upsample_transpose: v ...factor * size; got size=(7,), factor=(2,), align='areas'. ...",
    ),
    "no_centres": (
        lambda: upsample(jnp.zeros((0, 1)), 2, align="centres"),
        ValueError,
        "upsample: size ...; got size=(0,). ...",
    ),
    "keys_of_a_name": (lambda: keys("catmull"), TypeError, "keys: a ...; got a='catmull'. ..."),
    "keys_of_nan": (lambda: keys(float("nan")), ValueError, "keys: a ...; got a=nan. ..."),
    "no_lobes": (lambda: lanczos(0), ValueError, "lanczos: lobes ...; got lobes=0. ..."),
}


@pytest.mark.parametrize("name", BAD)
def test_message(name: str) -> None:
    check_message(*BAD[name])
