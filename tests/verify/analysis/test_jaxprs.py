"""Tracing, walking, constants, lines: each on what it must give, and on what it must refuse."""

import inspect
import operator

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.extend.core import Primitive

from jaxdeconv.verify.analysis import jaxprs, programs

pytestmark = pytest.mark.every_variant

V = jax.ShapeDtypeStruct((3,), np.float32)


def equations(fun, *args):
    return jax.make_jaxpr(fun)(*args).jaxpr.eqns


def test_trace() -> None:
    tree = {"a": V, "b": [jnp.ones(2)]}
    traced = jaxprs.trace(lambda w, t: (w, t["a"][:1], t["b"]), tree, (V,))
    assert [aval.shape for aval in traced.jaxpr.in_avals] == [(3,), (3,), (2,)]
    assert jax.tree.map(lambda x: x.shape, traced.codomain) == ((3,), (1,), [(2,)])


@pytest.mark.parametrize(
    ("fun", "reason"),
    [
        (np.sin, "TracerArrayConversionError"),
        (lambda v: v if v[0] > 0 else -v, "TracerBoolConversionError"),
        (lambda v: v.reshape(7), "TypeError: cannot reshape array of shape (3,)"),
        (lambda _: operator.truediv(1, 0), "ZeroDivisionError: division by zero"),
    ],
)
def test_untraceable(fun, reason: str) -> None:
    with pytest.raises(jaxprs.Untraceable) as raised:
        jaxprs.trace(fun, V)
    assert str(raised.value).startswith(reason)
    assert "\n" not in str(raised.value)


def test_held_narrows_what_the_mode_cannot_hold() -> None:
    tree = {"a": jax.ShapeDtypeStruct((2,), np.float64), "b": np.ones(3, np.float32), "c": 1.0}
    with jax.enable_x64(False):
        held = jaxprs.held(tree)
    assert (held["a"].shape, held["a"].dtype) == ((2,), np.float32)
    assert held["b"] is tree["b"]
    assert held["c"] == 1.0
    with jax.enable_x64(True):
        assert jaxprs.held(tree)["a"] is tree["a"]


def test_walk_computes_when_the_rule_does() -> None:
    table = np.array([1, 2, 3], np.float32)

    def fun(x, y):
        return (x + table) * 2.0, y

    jaxpr = jax.make_jaxpr(fun)(table, table)
    body, consts = programs.opened(jaxpr)

    def rule(eqn, values):
        return [eqn.primitive.bind(*values, **eqn.params)]

    first, second = jaxprs.walk(body, consts, [10 * table, "anything"], rule, lambda value: value)
    assert first.tolist() == [22, 44, 66]
    assert second == "anything"


def test_evaluate() -> None:
    (eqn,) = equations(lax.add, V, V)
    one = np.ones(3, np.float32)
    assert jaxprs.evaluate(eqn, [one, 2 * one])[0].tolist() == [3, 3, 3]
    assert jaxprs.evaluate(eqn, [one, None]) is None


def test_evaluate_while_tracing() -> None:
    (eqn,) = equations(lax.neg, V)
    seen = []

    @jax.jit
    def traced(x):
        seen.extend([jaxprs.evaluate(eqn, [x]), jaxprs.evaluate(eqn, [np.ones(3, np.float32)])])
        return x

    traced(jnp.ones(3))
    assert seen[0] is None
    assert seen[1][0].tolist() == [-1, -1, -1]  # an array, no tracer


def test_not_everything_can_be_evaluated() -> None:
    unwritten = Primitive("unwritten")
    unwritten.def_abstract_eval(lambda x: x)
    values = [np.ones(3, np.float32)]
    (eqn,) = equations(unwritten.bind, V)
    assert jaxprs.evaluate(eqn, values) is None
    eqns = equations(lambda x: jax.pure_callback(np.asarray, V, x), V)
    assert jaxprs.evaluate(eqns[-1], values) is None
    eqns = equations(lambda x: jax.debug.callback(print, x), V)
    assert jaxprs.evaluate(eqns[-1], values) is None


def test_zeros() -> None:
    assert jaxprs.is_zero(np.zeros(3))
    assert jaxprs.is_zero(jnp.zeros((), jnp.bfloat16))
    assert jaxprs.is_zero(np.zeros((0, 2)))
    assert not jaxprs.is_zero(np.array([0.0, np.nan]))
    assert not jaxprs.is_zero(np.array([0, 1j]))
    assert not jaxprs.is_zero(jax.random.key(0))


@pytest.mark.parametrize(
    ("dtype", "bits"),
    [
        (np.float16, 11),
        (jnp.bfloat16, 8),
        (np.float32, 24),
        (np.complex64, 24),
        (np.float64, 53),
        (np.int8, 7),
        (np.uint8, 8),
        (np.int32, 31),
        (jnp.int4, 3),
        (bool, 1),
    ],
)
def test_bits(dtype, bits: int) -> None:
    assert jaxprs.bits_of(np.dtype(dtype)) == bits


def a_function(x):
    x = x[::-1]
    return lax.sin(x)  # the line


def test_source() -> None:
    lines, first = inspect.getsourcelines(a_function)
    number = first + next(i for i, line in enumerate(lines) if "the line" in line)
    jaxpr = jaxprs.trace(a_function, V).jaxpr
    assert jaxprs.source(jaxpr.jaxpr.eqns[-1]) == f"{__file__}:{number} (a_function)"


def test_no_source_inside_jax() -> None:
    jaxpr = jaxprs.trace(lax.sin, V).jaxpr
    assert jaxprs.source(jaxpr.jaxpr.eqns[-1]) is None
