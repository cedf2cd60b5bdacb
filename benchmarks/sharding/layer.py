"""A layer whose rows and output channels are divided, and how many of its numbers are wrong.

`python -m benchmarks.sharding.layer`: a 3x3 convolution of 8 images of 32x32 pixels from 64 to 64
channels on 8 CPU devices, rows over 2 and output channels over 4, against one device. Integers.
"""

import functools

import jax
from jax import lax
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from benchmarks.jax_contestants import dimension_numbers
from jaxdeconv import conv
from jaxdeconv.algorithms.contract import integers


def main() -> None:
    """Print a line each."""
    jax.config.update("jax_num_cpu_devices", 8)
    mesh = jax.make_mesh((2, 4), ("rows", "out"), axis_types=(AxisType.Auto,) * 2)
    stock = functools.partial(
        lax.conv_general_dilated,
        window_strides=(1, 1),
        padding="SAME",
        dimension_numbers=dimension_numbers(2),
    )
    v, w = integers((8, 32, 32, 64)), integers((3, 3, 64, 64), seed=1)
    specs = PartitionSpec(None, "rows"), PartitionSpec(None, None, None, "out")
    right = conv(v, w, padding=1)
    put = [jax.device_put(x, NamedSharding(mesh, s)) for x, s in zip((v, w), specs, strict=True)]
    for who, fun in {"ours": functools.partial(conv, padding=1), "stock": stock}.items():
        assert (fun(v, w) == right).all(), f"{who}: other numbers on one device"
        wrong = int((jax.device_get(jax.jit(fun)(*put)) != right).sum())
        print(f"{who}, jax {jax.__version__}: {wrong} of {right.size} entries are wrong")


if __name__ == "__main__":
    main()
