"""Functions as they are applied: what is refused, and in which words."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv import verify
from jaxdeconv.verify.maps import Operator
from jaxdeconv.verify.spaces import Space
from tests.verify.right_pair import S, V, differences, gathered

pytestmark = pytest.mark.every_variant


@pytest.mark.parametrize(
    ("A", "At", "message"),
    [
        (differences, lambda u: u @ jnp.zeros(3), "adjoint: At must accept the members of its dom"),
        (lambda v: v.missing, gathered, "adjoint: A must accept the members of its domain; got a"),
    ],
)
def test_shapes_that_do_not_fit(A: Callable, At: Callable, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        verify.adjoint(A, At, V)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("At", [lambda u: u, lambda u: (u, u)], ids=["shape", "structure"])
def test_what_is_no_member_of_the_domain_is_no_adjoint(At: Callable) -> None:
    report = verify.adjoint(differences, At, V)
    assert report.status == "fail"
    assert "which is no member of the domain" in report.of("spaces").text


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


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_results_that_are_not_finite(bad: float) -> None:
    """Only where the argument is not zero: `eval_shape` and A(0) see nothing."""

    def back(u: Any) -> Any:
        return gathered(u).at[2].set(jnp.where(u[1] > 0, jnp.float32(bad), u[1] - u[2]))

    report = verify.adjoint(differences, back, V, key=0)
    assert report.status == "fail"
    assert report.of("finite").text == f"At gives {bad} at [2]"


def test_overflow_of_a_half() -> None:
    """60000 * v is infinite for most probes, which are made smaller: the map is not at fault."""
    w = jnp.full((2, 2), 60000, np.float16)
    domain = S((2,), np.float16)
    assert verify.adjoint(lambda v: w @ v, lambda u: w @ u, domain, key=1).ok
    assert (
        verify.adjoint(lambda v: w @ v, lambda u: w @ u[::-1] / 2, domain, key=1).status == "fail"
    )


def test_one_shape_at_all_times() -> None:
    def growing(v: Any) -> np.ndarray:
        v = np.asarray(v)
        return v if not v.any() else np.concatenate([v, v])

    with pytest.raises(ValueError, match="A must give one shape at all times; got shapes="):
        verify.adjoint(growing, growing, V, key=0)


def test_methods_that_cannot_be_hashed() -> None:
    """As those of Equinox modules, which hash the arrays they hold."""

    class Matrix:
        def __init__(self, entries: Any) -> None:
            self.entries = entries

        __hash__ = None  # type: ignore[assignment]

        def mv(self, v: Any) -> Any:
            return self.entries @ v

    w = jnp.asarray(np.random.default_rng(0).standard_normal((4, 5)), np.float32)
    assert verify.adjoint(Matrix(w).mv, Matrix(w.T).mv, V, key=0).ok


def test_derived_operators_share_the_count_and_leave_the_first_as_it_is() -> None:
    operator = Operator.of("A", differences, Space.of(V, "domain"))
    single = operator.one_by_one()
    block = np.eye(5)
    assert np.array_equal(single(block), operator(block))
    assert (operator.mode, single.mode) == ("vmap", "loop")
    assert operator.count.total == single.count.total == 10


def test_parameters_are_constants_of_the_analysis() -> None:
    """One trace for all parameters, whose values then decide what can be proved and bounded."""
    traces = []

    def scaled(w: Any, v: Any) -> Any:
        traces.append(w)
        return w * v

    parameters = (jnp.ones(5, np.float32),)
    ones = Operator.of("A", scaled, Space.of(V, "domain"), parameters)
    zeros = ones.at((jnp.zeros(5, np.float32),))
    thirds = ones.at((jnp.full(5, 1 / 3, np.float32),))
    assert [x.analysis.linearity.kind for x in (ones, zeros)] == ["linear", "zero"]
    assert ones.load < 1e-6 < 0.5 < thirds.load
    assert len(traces) == 1
