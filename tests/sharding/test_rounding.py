"""Where no sum is divided, eight devices round as one does: the same bits, of any dtype.

Sums are exact in the accumulator and no more in the result: rounded once, or wrong. (Of other data
the last bit of a float32 sum is XLA's affair, whose products of matrices add in an order that
depends on the number of rows.)
"""

import pytest

from tests.support.processes import printed_on

PROGRAM = """
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P
from jaxdeconv import conv, conv_transpose, kernel_gradient
from tests.support.checks import check_equal


def whole_numbers(shape, seed):
    rng = np.random.default_rng(seed)
    x = rng.integers(-40, 41, shape)
    return jnp.asarray(x + 1j * rng.integers(-40, 41, shape) if DTYPE == "complex64" else x, DTYPE)


mesh = jax.make_mesh((4, 2), ("h", "o"), axis_types=(AxisType.Auto,) * 2)
for keywords in (
    dict(stride=1, padding=1),
    dict(stride=2, padding=((1, 0), (0, 1)), padding_mode="circular"),
    dict(stride=(1, 2), padding=((3, 3), (1, 1)), padding_mode="reflect"),
):
    v, w = whole_numbers((2, 16, 12, 4), 0), whole_numbers((3, 2, 4, 6), 1)
    shape = jax.eval_shape(lambda v, w: conv(v, w, **keywords), v, w).shape
    u = whole_numbers(shape, 2)
    for leg, arrays, specs in (
        (lambda v, w: conv(v, w, **keywords), (v, w), (P(None, "h"), P(None, None, None, "o"))),
        (
            lambda u, w: conv_transpose(u, w, input_size=(16, 12), **keywords),
            (u, w),
            (P(None, "h"), P(None, None, "o")),
        ),
    ):
        put = [jax.device_put(x, NamedSharding(mesh, s)) for x, s in zip(arrays, specs)]
        compiled = jax.jit(leg).lower(*put).compile()
        assert "all-reduce" not in compiled.as_text()
        got, expected = np.asarray(compiled(*put)), np.asarray(jax.jit(leg)(*arrays))
        check_equal(got.view(np.uint8), expected.view(np.uint8))
print("the same bits")
"""


@pytest.mark.every_variant
@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "int8", "complex64"])
def test_the_same_bits(dtype: str) -> None:
    assert printed_on(8, f"DTYPE = {dtype!r}\n" + PROGRAM) == "the same bits\n"
