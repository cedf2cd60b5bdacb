"""Maps that are linear where one usually looks: elsewhere clipped, thresholded, rounded."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from numpy.random import Generator

from benchmarks.verification.hidden_scales import Draw, size, way_and_dtype
from benchmarks.verification.pair import Pair
from benchmarks.verification.ways import called, struct

__all__ = ["FAULTS"]

Bend = Callable[[Any, Any, float], Any]  # numpy or jax.numpy, values, a threshold

_DTYPES = (jnp.float32, jnp.float32, jnp.float16, jnp.bfloat16, np.float64)


def _bent(
    bend: Bend, low: float = -6, high: float = 6, dtypes: tuple = _DTYPES, readable: bool = True
) -> Draw:
    """Of A's result or argument, or of At's result, beside a reversal or nothing."""

    def draw(rng: Generator, largest: int) -> Pair:
        way, dtype = way_and_dtype(rng, dtypes)
        way = way if readable or way != "JAX" else "callback"
        limit = 3.0 if dtype == jnp.float16 else 9.0
        threshold = float(10 ** rng.uniform(max(low, -limit), min(high, limit)))
        xp = jnp if way == "JAX" else np
        step = int(rng.choice((-1, 1)))
        place = str(rng.choice(("argument", "result", "adjoint")))

        def plain(v: Any) -> Any:
            return v[::step]

        def wrong(v: Any) -> Any:
            return xp.asarray(bend(xp, v, threshold)).astype(v.dtype)[::step]

        A, At = (plain, wrong) if place == "adjoint" else (wrong, plain)
        return called(way, A, At, struct(size(rng, largest), dtype))

    return draw


def _cast(name: str, scale: float = 1.0) -> Bend:
    """Through a narrower dtype, in units of `1 / scale`."""

    def bend(_: Any, v: Any, __: float) -> Any:
        narrow = jnp.dtype(name)
        with np.errstate(all="ignore"):
            through = (v * v.dtype.type(scale)).astype(narrow).astype(v.dtype)
            return through / v.dtype.type(scale)

    return bend


def _soft(xp: Any, v: Any, t: float) -> Any:
    return xp.sign(v) * xp.maximum(xp.abs(v) - v.dtype.type(t), v.dtype.type(0))


def _bend_tanh(xp: Any, v: Any, t: float) -> Any:
    scaled = (v / v.dtype.type(t)).astype(v.dtype)
    return v.dtype.type(t) * xp.tanh(scaled)


def _where(condition: Callable[[Any, Any, float], Any], factor: float) -> Bend:
    return lambda xp, v, t: xp.where(condition(xp, v, t), v * v.dtype.type(factor), v)


def _large(xp: Any, v: Any, t: float) -> Any:
    return xp.abs(v) > t


def _small(xp: Any, v: Any, t: float) -> Any:
    return xp.abs(v) < t


def _negative(_: Any, v: Any, t: float) -> Any:
    return v < -t


def _positive(_: Any, v: Any, t: float) -> Any:
    return v > t


_WIDE = (jnp.float32, np.float64)

FAULTS: dict[str, tuple[Draw, str]] = {
    "clipped": (_bent(lambda xp, v, t: xp.clip(v, v.dtype.type(-t), v.dtype.type(t))), "sums"),
    "clipped above": (_bent(lambda xp, v, t: xp.minimum(v, v.dtype.type(t))), "sums"),
    "saturated": (_bent(_bend_tanh, -2, 6), "sums"),
    "soft threshold": (_bent(_soft), "sums"),
    "hard threshold": (_bent(_where(_small, 0)), "sums"),
    "large cells lost": (_bent(_where(_large, 0)), "sums"),
    "large cells times 1.1": (_bent(_where(_large, 1.1)), "sums"),
    "small cells halved": (_bent(_where(_small, 0.5)), "sums"),
    "negative cells lost": (_bent(_where(_negative, 0)), "sums"),
    "negative cells times 1.1": (_bent(_where(_negative, 1.1)), "sums"),
    "positive cells above a threshold lost": (_bent(_where(_positive, 0)), "sums"),
    "rounded to whole numbers": (_bent(lambda xp, v, _: xp.round(v)), "sums"),
    "rounded to eighths": (
        _bent(lambda xp, v, _: xp.round(v * v.dtype.type(8)) / v.dtype.type(8)),
        "sums",
    ),
    "cut off to whole numbers": (_bent(lambda xp, v, _: xp.trunc(v)), "sums"),
    "through float16": (_bent(_cast("float16"), dtypes=_WIDE), "sums"),
    # in JAX it can be read: a right pair of fewer digits, as the report says
    "through bfloat16": (_bent(_cast("bfloat16"), dtypes=_WIDE, readable=False), "sums"),
    "through float32": (_bent(_cast("float32"), dtypes=(np.float64,)), "sums"),
    "through int8": (_bent(_cast("int8"), dtypes=_WIDE), "sums"),
    "through int32": (_bent(_cast("int32"), dtypes=_WIDE), "sums"),
    "through int16 in units of 1/256": (_bent(_cast("int16", 256.0), dtypes=_WIDE), "sums"),
    "float16 overflows on the way": (_bent(_cast("float16", 300.0), dtypes=_WIDE), "sums"),
}
"""name -> (how to draw a wrong pair of at most so many cells, what shows that it is wrong)."""
