"""Every entry: by one probe each, or by the colours of a pattern that is closed by a proof."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv import verify
from jaxdeconv.verify.entries import recover
from jaxdeconv.verify.maps import Operator
from jaxdeconv.verify.patterns import Pattern
from jaxdeconv.verify.spaces import Space

S = jax.ShapeDtypeStruct
RANDOM = np.random.default_rng(0)
NUMBERS = ("NHWC", "HWIO", "NHWC")
KERNEL = jnp.asarray(RANDOM.integers(-3, 4, (3, 2, 2, 6)), jnp.float32)


def convolved(v: jax.Array) -> jax.Array:
    """4 -> 6 channels in 2 groups, kernel 3x2, stride (2, 3), dilation (2, 1)."""
    return jax.lax.conv_general_dilated(
        v,
        KERNEL,
        (2, 3),
        ((1, 2), (1, 0)),
        rhs_dilation=(2, 1),
        dimension_numbers=NUMBERS,
        feature_group_count=2,
    )


def pattern_of(height: int, width: int) -> Pattern:
    rows, columns = (height + 3 - 5) // 2 + 1, (width + 1 - 2) // 3 + 1
    return Pattern(
        (
            verify.blocks(1, 1),
            verify.window(height, rows, 3, stride=2, dilation=2, low=1),
            verify.window(width, columns, 2, stride=3, low=1),
            verify.blocks(4, 6, 2),
        )
    )


@pytest.mark.parametrize("size", [(9, 8), (16, 31), (64, 45)])
def test_a_convolution_is_proved_by_12_and_9_probes_at_any_size(size: tuple[int, int]) -> None:
    """A row holds 3 * 2 * 2 entries and a column no more than 3 * 1 * 3: as many probes."""
    domain = S((1, *size, 4), np.float32)
    transposed = jax.linear_transpose(convolved, domain)
    report = verify.adjoint(
        convolved, lambda u: transposed(u)[0], domain, pattern=pattern_of(*size), key=0
    )
    line = report.of("every entry")
    assert report.ok
    assert (line.forward, line.backward) == (12, 9)
    assert line.text.startswith("12 + 9 probes in the colours of the given pattern: all entries eq")
    assert (line.detection_limit, line.false_acceptance) == (0, 2 * 16.0**-8)


def test_one_wrong_entry_of_a_convolution() -> None:
    domain = S((1, 9, 8, 4), np.float32)
    transposed = jax.linear_transpose(convolved, domain)

    def back(u: jax.Array) -> jax.Array:
        return transposed(u)[0].at[0, 7, 5, 3].add(u[0, 3, 2, 5])

    report = verify.adjoint(convolved, back, domain, pattern=pattern_of(9, 8), key=0)
    assert report.of("every entry").text.endswith(": 1 of the entries differ")
    assert report.place.startswith("output [0, 3, 2, 5], input [0, 7, 5, 3]: expected ")


def test_recovered_matrix_is_the_matrix() -> None:
    domain = S((1, 7, 8, 4), np.float32)
    operator = Operator.of("A", convolved, Space.of(domain, "domain"))
    pattern = pattern_of(7, 8)
    matrix = np.asarray(jax.jacobian(convolved)(jnp.zeros(domain.shape, domain.dtype)))
    matrix = matrix.reshape(operator.codomain.size, operator.domain.size)
    recovered = recover(operator, pattern)
    block = RANDOM.standard_normal((3, operator.domain.size))
    np.testing.assert_allclose(recovered.apply(block), block @ matrix.T, rtol=1e-12, atol=1e-12)
    sources = np.stack([pattern.sources(probe) for probe in range(pattern.count)])
    dense = np.zeros_like(matrix)
    outputs = np.broadcast_to(np.arange(len(matrix)), sources.shape)
    dense[outputs[sources >= 0], sources[sources >= 0]] = recovered.values[sources >= 0]
    assert np.array_equal(dense, matrix)


def test_pattern_that_is_too_small_proves_nothing() -> None:
    """Three taps where there are four: the closing probes see it, and nothing is concluded."""

    def smooth(v: jax.Array) -> jax.Array:
        return jnp.convolve(v, jnp.array([1.0, 2.0, -1.0, 3.0]), "valid", precision="highest")

    domain = S((20,), np.float32)
    transposed = jax.linear_transpose(smooth, domain)
    pattern = Pattern((verify.window(20, 17, 3),))
    report = verify.adjoint(smooth, lambda u: transposed(u)[0], domain, pattern=pattern, key=0)
    line = report.of("every entry")
    assert line.status == "inconclusive"
    assert "A has entries outside of it" in line.text
    assert report.ok  # by the exact evidence


def test_entries_of_At_outside_of_the_pattern() -> None:
    def back(u: jax.Array) -> jax.Array:
        return jnp.pad(u, (0, 1)) + jnp.pad(u, (1, 0)) + jnp.pad(u[:1], (19, 0))

    pattern = Pattern((verify.window(20, 19, 2),))
    report = verify.adjoint(
        lambda v: v[1:] + v[:-1], back, S((20,), np.float32), pattern=pattern, key=0
    )
    line = report.of("every entry")
    assert line.status == "fail"
    assert line.text.endswith(": At has entries outside of it, where A has none")
    assert report.place == "output [0], input [19]: expected 0.0, got 1.0"


def test_closing_states_what_rounding_hides() -> None:
    """With a pattern and constants that are no integers, small entries outside are not seen."""
    w = jnp.array([0.3, 0.7, -1.1], jnp.float32)

    def smooth(v: jax.Array) -> jax.Array:
        return jnp.convolve(v, w, "valid", precision="highest") / 3

    domain = S((30,), np.float32)
    transposed = jax.linear_transpose(smooth, domain)
    pattern = Pattern((verify.window(30, 28, 3),))
    report = verify.adjoint(smooth, lambda u: transposed(u)[0], domain, pattern=pattern, key=0)
    line = report.of("every entry")
    assert line.status == "pass"
    assert 0 < line.detection_limit < 1e-12


def test_all_deltas() -> None:
    w = jnp.asarray(RANDOM.standard_normal((3, 5)), jnp.float32)
    report = verify.adjoint(lambda v: w @ v, lambda u: w.T @ u, S((5,), np.float32), key=0)
    line = report.of("every entry")
    assert line.text.startswith("5 + 3 probes, one for every cell of domain and codomain: all ent")
    assert (line.false_acceptance, line.detection_limit) == (0, 0)


def test_detected_pattern() -> None:
    domain = S((60, 50), np.float32)
    report = verify.adjoint(
        lambda v: v[1:, 2:] - 3 * v[:-1, :-2],
        lambda u: jnp.pad(u, ((1, 0), (2, 0))) - 3 * jnp.pad(u, ((0, 1), (0, 2))),
        domain,
        key=0,
    )
    line = report.of("every entry")
    assert line.status == "pass"
    assert "in the colours of the detected pattern: all entries equal" in line.text
    assert line.forward + line.backward < 100


def test_no_pattern_is_no_evidence() -> None:
    order = RANDOM.permutation(3000)
    back = np.argsort(order)
    report = verify.adjoint(lambda v: v[order], lambda u: u[back], S((3000,), np.float32), key=0)
    line = report.of("every entry")
    assert (line.status, line.false_acceptance) == ("inconclusive", None)
    assert "not every entry was seen" in line.text
    assert report.ok  # by the exact evidence


def test_batches_are_bounded_and_all_probes_are_used() -> None:
    """150 vectors in batches of at most 64, no batch larger."""
    seen: list[tuple[int, ...]] = []

    def noted(v: jax.Array) -> jax.Array:
        jax.debug.callback(lambda x: seen.append(x.shape), v, ordered=False)
        return 2 * v

    operator = Operator.of("A", jax.jit(noted), Space.of(S((150,), np.float32), "domain"))
    values = recover(operator, Pattern((verify.blocks(150, 150),))).values
    assert np.array_equal(values, 2 * np.eye(150))
    assert operator.count.total == 150
    assert operator.lanes == 64
    large = Operator.of("A", lambda v: v, Space.of(S((2**22,), np.float32), "domain"))
    assert large.lanes == 1


def test_wrong_sizes_of_a_pattern() -> None:
    with pytest.raises(ValueError, match="adjoint: pattern must count the cells of domain and"):
        verify.adjoint(
            jnp.flip, jnp.flip, S((4,), np.float32), pattern=Pattern((verify.blocks(3, 4),))
        )
