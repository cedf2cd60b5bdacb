"""Bad input: an error or a clear verdict, never a pass."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv import verify
from tests.verify.right_pair import S, V, differences, gathered

pytestmark = pytest.mark.every_variant


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


def test_no_key() -> None:
    with pytest.raises(TypeError, match="adjoint: key must be a seed or a PRNG key; got key='0'"):
        verify.adjoint(differences, gathered, V, key="0")


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
