"""Bad input: an error or a clear verdict, never a pass."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv import verify

pytestmark = pytest.mark.every_variant

S = jax.ShapeDtypeStruct
V = S((5,), np.float32)


def differences(v: Any) -> Any:
    return v[1:] - v[:-1]


def gathered(u: Any) -> Any:
    return jnp.pad(u, (1, 0)) - jnp.pad(u, (0, 1))


@pytest.mark.parametrize(
    ("A", "At", "message"),
    [
        (differences, lambda u: u, "adjoint: At must give members of the domain; got result=flo"),
        (differences, lambda u: (u, u), "adjoint: At must give members of the domain; got result"),
        (differences, lambda u: u @ jnp.zeros(3), "adjoint: At must accept the members of its dom"),
        (lambda v: v.missing, gathered, "adjoint: A must accept the members of its domain; got a"),
    ],
)
def test_shapes_that_do_not_fit(A: Callable, At: Callable, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        verify.adjoint(A, At, V)
    assert str(caught.value).startswith(message)


def test_a_function_that_raises_is_quoted() -> None:
    def broken(_: Any) -> Any:
        raise RuntimeError("no licence\nsecond line")

    with pytest.raises(ValueError, match=r"It raised RuntimeError: no licence$"):
        verify.adjoint(differences, broken, V)


def test_a_function_that_raises_later() -> None:
    def moody(v: np.ndarray) -> np.ndarray:
        if np.abs(np.asarray(v)).max() > 2:
            raise RuntimeError("too large")
        return np.asarray(v) * np.float32(1)

    with pytest.raises(ValueError, match=r"A must accept .* It raised RuntimeError: too large"):
        verify.adjoint(moody, moody, V, key=0)


def test_codomain_that_A_does_not_give() -> None:
    with pytest.raises(ValueError, match=r"A must give members of the codomain; got result=float"):
        verify.adjoint(differences, gathered, V, S((5,), np.float32))


@pytest.mark.parametrize("domain", [(5,), 5, [1.0, 2.0], "float32"])
def test_domain_without_dtype(domain: Any) -> None:
    with pytest.raises(TypeError, match="adjoint: domain must be a pytree of shapes with dtypes"):
        verify.adjoint(differences, gathered, domain)


def test_integers_to_floats() -> None:
    with pytest.raises(ValueError, match="must both hold integers or both hold floats"):
        verify.adjoint(
            lambda v: v.astype(np.float32), lambda u: u.astype(np.int32), S((3,), np.int32)
        )


def test_wide_dtypes_in_narrow_mode(x32: None) -> None:  # noqa: ARG001
    with pytest.raises(ValueError, match="must exist in JAX's current mode; got dtype='float64'"):
        verify.adjoint(differences, gathered, S((5,), np.float64))


@pytest.mark.parametrize("dtype", [np.float64, np.complex128, np.int64])
def test_numpy_may_be_wider_than_the_mode(x32: None, dtype: Any) -> None:  # noqa: ARG001
    """JAX is not asked to hold what it cannot, not even to try: it would warn of that."""
    scale = dtype(3)

    def tripled(v: Any) -> np.ndarray:
        assert type(v) is np.ndarray
        assert v.dtype == dtype
        return scale * v

    report = verify.adjoint(tripled, tripled, S((5,), dtype), key=0)
    assert report.ok
    assert verify.linearity(tripled, S((5,), dtype), key=0).status == "pass"


def test_no_key() -> None:
    with pytest.raises(TypeError, match="adjoint: key must be a seed or a PRNG key; got key='0'"):
        verify.adjoint(differences, gathered, V, key="0")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_results_that_are_not_finite(bad: float) -> None:
    """Only where the argument is not zero: `eval_shape` and A(0) see nothing."""

    def back(u: Any) -> Any:
        return gathered(u).at[2].set(jnp.where(u[1] > 0, jnp.float32(bad), u[1] - u[2]))

    report = verify.adjoint(differences, back, V, key=0)
    assert report.status == "fail"
    assert report.of("finite").text == f"At gives {bad} at [2]"


def test_overflow_of_a_half() -> None:
    """60000 * v is a linear map, but not in float16: twice it is infinite."""
    w = jnp.full((2, 2), 60000, np.float16)
    report = verify.adjoint(lambda v: w @ v, lambda u: w @ u, S((2,), np.float16), key=1)
    assert not report.ok
    assert "inf" in report.of("finite").text


def test_noise() -> None:
    random = np.random.default_rng(0)

    def noisy(v: Any) -> np.ndarray:
        return (np.asarray(v) * (1 + 0.01 * random.standard_normal(5))).astype(np.float32)

    report = verify.adjoint(noisy, noisy, V, key=0)
    assert report.status == "fail"
    assert report.of("repeatable: A").status == "fail"
    assert "two calls with the same argument differ at [" in report.of("repeatable: A").text


def test_state() -> None:
    """Every second call gives another map."""
    calls = [0]

    def alternating(v: Any) -> np.ndarray:
        calls[0] += 1
        return np.asarray(v) * np.float32(1 + calls[0] % 2)

    report = verify.adjoint(alternating, lambda u: np.asarray(u) * np.float32(1), V, key=0)
    assert report.status == "fail"


def test_another_map_when_compiled() -> None:
    def split(v: Any) -> Any:
        return v * (2 if isinstance(v, jax.core.Tracer) else 1)

    report = verify.adjoint(split, split, V, key=0)
    assert report.of("repeatable: A").text == "jax.jit of it is another map"
    assert not report.ok


def test_another_map_when_batched() -> None:
    """Then it is applied one vector at a time, and the pair is judged as it is."""

    @jax.custom_batching.custom_vmap
    def twice(v: jax.Array) -> jax.Array:
        return v * 2

    @twice.def_vmap
    def _(_size: int, batched: list[bool], v: jax.Array) -> tuple[jax.Array, bool]:
        return v * 3, batched[0]

    report = verify.adjoint(twice, lambda u: u * 2, V, key=0)
    assert report.ok
    assert report.of("repeatable: A").text.endswith("jax.vmap of it is another map and is not used")


def test_one_shape_at_all_times() -> None:
    def growing(v: Any) -> np.ndarray:
        v = np.asarray(v)
        return v if not v.any() else np.concatenate([v, v])

    with pytest.raises(ValueError, match="A must give one shape at all times; got shapes="):
        verify.adjoint(growing, growing, V, key=0)


def test_saturating_integers() -> None:
    """Overflow that does not wrap is not linear modulo 2^8."""

    def saturating(v: Any) -> np.ndarray:
        return np.clip(3 * np.asarray(v, np.int64), -128, 127).astype(np.int8)

    report = verify.adjoint(saturating, saturating, S((6,), np.int8), key=0)
    assert report.status == "fail"
    assert report.verdict("linearity") == "fail"


def test_wrapping_integers_are_judged_modulo_their_range() -> None:
    w = jnp.asarray(np.random.default_rng(0).integers(-128, 128, (4, 6)), np.int8)
    report = verify.adjoint(lambda v: w @ v, lambda u: w.T @ u, S((6,), np.int8), key=0)
    assert report.ok
    assert "modulo 2^8" in report.of("exact").text
    wrong = w.T.at[5, 3].add(-128)  # differs in the highest bit alone
    report = verify.adjoint(lambda v: w @ v, lambda u: wrong @ u, S((6,), np.int8), key=0)
    assert report.status == "fail"
    assert report.place.startswith("output [3], input [5]: ")


def test_narrower_results() -> None:
    """At gives int8 where A takes int32: the high bits are lost."""
    report = verify.adjoint(
        lambda v: v.astype(np.int8), lambda u: u, S((4,), np.int32), S((4,), np.int8), key=0
    )
    assert report.of("dtypes").status == "fail"
    assert not report.ok


@pytest.mark.parametrize("shape", [(0,), (3, 0)])
def test_nothing_to_see(shape: tuple[int, ...]) -> None:
    report = verify.adjoint(jnp.negative, jnp.negative, S(shape, np.float32))
    assert report.status == "inconclusive"
    assert "there is nothing to see" in report.of("cells").text
    assert verify.linearity(jnp.negative, S(shape, np.float32)).status == "inconclusive"
    with pytest.raises(verify.AdjointMismatch, match="INCONCLUSIVE"):
        verify.assert_adjoint(jnp.negative, jnp.negative, S(shape, np.float32))


def test_an_empty_leaf_beside_a_full_one() -> None:
    domain = (S((0,), np.float32), S((3,), np.float32))
    report = verify.adjoint(lambda v: (v[0], v[1] * 2), lambda u: (u[0], u[1] * 2), domain, key=0)
    assert report.ok
