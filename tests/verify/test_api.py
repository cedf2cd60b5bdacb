"""Pairs of every kind: correct ones pass, broken ones do not."""

import json
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv import verify
from tests.support.processes import printed_on
from tests.verify.support import KINDS, Case, draw

S = jax.ShapeDtypeStruct
RANDOM = np.random.default_rng(1)
C = jnp.asarray(RANDOM.standard_normal((4, 3)) + 1j * RANDOM.standard_normal((4, 3)), np.complex64)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_correct_pairs_pass(kind: Callable[[np.random.Generator], Case]) -> None:
    case = draw(kind, 11)
    report = verify.adjoint(case.A, case.At, case.domain, transpose=case.transpose, key=3)
    assert report.ok, report


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_more_correct_pairs_pass(kind: Callable, seed: int) -> None:
    case = draw(kind, 100 + seed)
    report = verify.adjoint(case.A, case.At, case.domain, transpose=case.transpose, key=seed)
    assert report.ok, report


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_one_entry_too_much(kind: Callable[[np.random.Generator], Case]) -> None:
    """The first cell of u is added to the last cell of the result, whatever it is."""
    case = draw(kind, 11)

    def back(u: Any) -> Any:
        first = jax.tree.leaves(u)[0].ravel()[0]
        leaves, tree = jax.tree.flatten(case.At(u))
        last = np.asarray(leaves[-1]) if isinstance(leaves[-1], np.ndarray) else leaves[-1]
        first = first.real if not jnp.iscomplexobj(last) else first
        flat = jnp.asarray(last).ravel()
        leaves[-1] = flat.at[-1].add(first.astype(flat.dtype)).reshape(last.shape)
        return tree.unflatten(leaves)

    report = verify.adjoint(case.A, back, case.domain, transpose=case.transpose, key=3)
    assert report.status == "fail", report
    assert report.verdict("structure") == "fail"
    assert report.place


@pytest.mark.parametrize("transpose", [False, True])
def test_adjoint_and_transpose_are_told_apart(transpose: bool) -> None:
    right, wrong = (C.T, C.conj().T)[:: 1 if transpose else -1]
    domain = S((3,), np.complex64)
    for back, status in ((right, "pass"), (wrong, "fail")):
        report = verify.adjoint(
            lambda v: C @ v, lambda u, back=back: back @ u, domain, transpose=transpose, key=0
        )
        assert report.status == status
    assert report.question == ("transpose" if transpose else "adjoint")
    assert report.cause == "conjugate missing" or report.explanation


def test_transpose_of_a_real_transform() -> None:
    """Real to complex: the adjoint over the reals, or without conjugation of u."""
    f = np.exp(-2j * np.pi * np.outer(np.arange(3), np.arange(4)) / 4).astype(np.complex64)
    domain = S((4,), np.float32)

    def adjoint(u: jax.Array) -> jax.Array:
        return (f.conj().T @ u).real

    def transpose(u: jax.Array) -> jax.Array:
        return (f.T @ u).real

    assert verify.adjoint(jnp.fft.rfft, adjoint, domain, key=0).ok
    assert verify.adjoint(jnp.fft.rfft, transpose, domain, key=0, transpose=True).ok
    assert not verify.adjoint(jnp.fft.rfft, transpose, domain, key=0).ok
    assert not verify.adjoint(jnp.fft.rfft, adjoint, domain, key=0, transpose=True).ok


def test_leaves_of_many_kinds() -> None:
    """Half, single and complex leaves in one space: over the reals."""
    domain = {"h": S((3,), jnp.bfloat16), "c": S((2,), np.complex64), "s": S((), np.float32)}

    def forward(v: Any) -> Any:
        return v["c"] * 2j, v["h"][::-1], v["s"] * 3

    def back(u: Any) -> Any:
        return {"c": u[0] * -2j, "h": u[1][::-1], "s": u[2] * 3}

    assert verify.adjoint(forward, back, domain, key=0).ok
    report = verify.adjoint(forward, lambda u: back(u) | {"s": u[2] * 2}, domain, key=0)
    assert report.place == "output [2][], input ['s'][]: expected 3.0, got 2.0"


def test_example_arrays_and_a_key() -> None:
    example = jnp.zeros((2, 3))
    key = jax.random.key(5)
    report = verify.adjoint(jnp.transpose, jnp.transpose, example, jnp.zeros((3, 2)), key=key)
    assert (report.ok, report.seed) == (True, 5)
    again = verify.adjoint(jnp.transpose, jnp.transpose, example, key=report.seed)
    assert [line.text for line in again.evidence] == [line.text for line in report.evidence]


def test_assertion_holds_the_report() -> None:
    first = r"^adjoint: FAIL at output .*: expected .*, got .*\. Cause .*\n(?s:.*) key=2; "
    with pytest.raises(verify.AdjointMismatch, match=first) as caught:
        verify.assert_adjoint(jnp.flip, jnp.negative, S((4,), np.float32), key=2)
    content = json.loads(caught.value.report.to_json())
    assert content["status"] == "fail"
    verify.assert_adjoint(jnp.flip, jnp.flip, S((4,), np.float32), key=2)


SHARDED = """
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec as P
from jaxdeconv import verify

mesh = Mesh(np.array(jax.devices()), ("x",))
spread = NamedSharding(mesh, P("x"))
domain = jax.device_put(jnp.zeros((16, 3)), spread)
seen = set()

def roll(by, factor=1):
    def local(v):
        sent = [(i, (i + by) % 8) for i in range(8)]
        last = v[-1:] if by > 0 else v[:1]
        other = jax.lax.ppermute(last, "x", sent)
        parts = (other, v[:-1]) if by > 0 else (v[1:], other)
        return factor * jnp.concatenate(parts)
    def rolled(v):
        jax.debug.inspect_array_sharding(v, callback=lambda s: seen.add(s.num_devices))
        return jax.shard_map(local, mesh=mesh, in_specs=P("x"), out_specs=P("x"))(v)
    return rolled

report = verify.adjoint(roll(1), roll(-1), domain, domain, key=0)
assert report.ok, report
assert 8 in seen
report = verify.adjoint(roll(1), roll(-1, 8), domain, domain, key=0)
assert report.status == "fail"
print(report.place)
"""


def test_sharded_over_eight_devices() -> None:
    """The example's sharding is kept; one that is summed over all devices is found."""
    assert printed_on(8, SHARDED) == "output [0, 0], input [15, 0]: expected 1.0, got 8.0\n"
