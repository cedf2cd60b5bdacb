"""Variants: every transformation of JAX, and functions that are another map under one of them."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv import verify
from tests.support.processes import printed_on

S = jax.ShapeDtypeStruct
V = S((6,), np.float32)
W = jnp.asarray(np.random.default_rng(0).standard_normal((4, 6)), jnp.float32)
ALL = (
    "jit",
    "vmap",
    "vmap, last axis",
    "vmap twice",
    "scan",
    "remat",
    "derivative",
    "double transpose",
    "x64",
    "float64",
)


def statuses(report: verify.Report) -> dict[str, str]:
    return {line.name: line.status for line in report.evidence}


def test_whole_numbers_agree_to_the_bit() -> None:
    report = verify.variants(lambda v: v[1:] - 3 * v[:-1], V, key=0)
    assert report.ok
    assert {report.of(name).text for name in ALL} == {"equal to the bit"}
    assert report.of("jit").forward == 3
    assert report.of("replicated").text == "not applicable: there is one device"


def test_rounding_is_allowed_where_there_is_some() -> None:
    """The widened one differs, by less than what rounding explains."""
    w = np.asarray(W)
    report = verify.variants(lambda v: jnp.dot(w.astype(v.dtype), v), V, key=0)
    assert report.ok, report
    assert report.of("float64").text.startswith("equal up to 0.")
    assert report.of("float64").text.endswith(" of the rounding bound")


def test_pytrees_complex_cells_and_integers() -> None:
    domain = {"a": S((2, 3), np.complex64), "b": S((), np.float32)}
    report = verify.variants(lambda v: (v["b"] * 2, v["a"].T * 1j), domain, key=0)
    assert report.ok
    assert "fail" not in statuses(report).values()
    report = verify.variants(lambda v: v * np.int8(3), S((5,), np.int8), key=0)
    assert report.ok
    assert report.of("double transpose").text == "not applicable: JAX transposes no integers"
    assert report.of("float64").status == "inconclusive"


@jax.custom_batching.custom_vmap
def batched_wrongly(v: jax.Array) -> jax.Array:
    return v * 2


@batched_wrongly.def_vmap
def _(_size: int, batched: list[bool], v: jax.Array) -> tuple[jax.Array, bool]:
    return (v * 2).at[..., -1].set(0), batched[0]


@jax.custom_jvp
def derived_wrongly(v: jax.Array) -> jax.Array:
    return v * 2


@derived_wrongly.defjvp
def _(primals: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
    return primals[0] * 2, tangents[0] * 3


def transposed_wrongly(v: jax.Array) -> jax.Array:
    return jax.custom_derivatives.linear_call(lambda _, v: v * 2, lambda _, u: u * 3, (), v)


def hasty(v: jax.Array) -> jax.Array:
    return v * (3 if isinstance(v, jax.core.Tracer) else 2)


def narrow(v: jax.Array) -> jax.Array:
    """Loses what is wider than it knows."""
    return v.astype(np.float32) * (1 if v.dtype == np.float32 else 2)


def of_the_mode(v: jax.Array) -> jax.Array:
    return v * (5 if jax.config.jax_enable_x64 else 2)


@pytest.mark.parametrize(
    ("function", "broken"),
    [
        (batched_wrongly, {"vmap", "vmap, last axis", "vmap twice"}),
        (derived_wrongly, {"derivative"}),
        (hasty, set(ALL) - {"derivative", "double transpose", "x64", "float64"}),
        (narrow, {"float64"}),
        (of_the_mode, {"x64", "float64"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_planted_faults(function: Callable, broken: set[str]) -> None:
    """What must fail fails; what has to do with it may, and nothing is passed in silence."""
    report = verify.variants(function, V, key=0)
    found = statuses(report)
    assert report.status == "fail"
    assert broken <= {name for name, status in found.items() if status == "fail"}
    if function is not hasty:
        assert found["jit"] == "pass"
        assert found["remat"] == "pass"


def test_a_wrong_transpose_of_a_transpose() -> None:
    """`linear_call` is taken at its word: twice transposed it is itself again, so look at A^T."""
    report = verify.variants(transposed_wrongly, V, key=0)
    assert report.of("double transpose").status == "pass"
    transpose = jax.linear_transpose(transposed_wrongly, V)
    pair = verify.adjoint(transposed_wrongly, lambda u: transpose(u)[0], V, key=0)
    assert pair.status == "fail"
    assert pair.place == "output [0], input [0]: expected 2.0, got 3.0"


def test_the_place_is_named() -> None:
    text = verify.variants(batched_wrongly, V, key=0).of("vmap").text
    assert text.startswith("differs at [5]: 0.0 instead of ")


def test_not_applicable() -> None:
    """Said with the reason; nothing is passed where nothing could be run."""
    w = np.asarray(W)
    report = verify.variants(lambda v: w @ np.asarray(v), V, key=0)
    assert report.status == "inconclusive"
    assert report.of("jit").text == "not applicable: JAX cannot trace the function"

    def called(v: jax.Array) -> jax.Array:
        return jax.pure_callback(lambda v: w @ np.asarray(v), S((4,), np.float32), v)

    report = verify.variants(called, V, key=0)
    assert report.of("jit").status == "pass"
    assert report.of("vmap").text.startswith("not applicable: NotImplementedError: ")
    assert report.of("derivative").status == "inconclusive"


def test_bad_input() -> None:
    with pytest.raises(TypeError, match="variants: domain must be a pytree of shapes with dtypes"):
        verify.variants(jnp.negative, (3,))
    with pytest.raises(ValueError, match="variants: A must accept the members of its domain"):
        verify.variants(lambda v: v.missing, V)
    assert verify.variants(lambda v: v * jnp.nan, V, key=0).status == "fail"
    assert verify.variants(jnp.negative, S((0,), np.float32)).status == "inconclusive"


SHARDED = """
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import PartitionSpec as P
from jaxdeconv import verify

v = jax.ShapeDtypeStruct((16, 3, 8), "float32")
report = verify.variants(lambda v: jnp.cumsum(v, 0) - 2 * v[::-1], v, key=0)
assert report.ok, report
print(*(f"{l.name}: {l.text}" for l in report.evidence if "s" in l.name[:1]), sep="\\n")

def counted(v):
    devices = []
    jax.debug.inspect_array_sharding(v, callback=lambda s: devices.append(s.num_devices))
    return v

mesh = jax.make_mesh((8,), ("x",), axis_types=(jax.sharding.AxisType.Auto,))

def halo_cropped(v):
    def local(v):
        return jnp.cumsum(v, 0)
    return jax.shard_map(local, mesh=mesh, in_specs=P("x"), out_specs=P("x"))(v)

report = verify.adjoint(
    lambda v: jnp.cumsum(v, 0), lambda u: halo_cropped(u[::-1])[::-1], v, key=0
)
assert report.status == "fail"
"""


def test_sharded_over_eight_devices() -> None:
    assert printed_on(8, SHARDED).splitlines() == [
        "scan: equal to the bit",
        "sharded, axis 0: equal to the bit",
        "sharded, axis 1: not applicable: no leaf has an axis 1 that 8 devices divide",
        "sharded, axis 2: equal to the bit",
    ]
