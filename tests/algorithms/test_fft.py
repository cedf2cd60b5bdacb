"""The legs by Fourier transforms: within the stated error, and only where they are asked for."""

import dataclasses
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

from benchmarks.cases import CASES as BENCHMARKS
from jaxdeconv import ConvGeometry, conv, conv_transpose, kernel_gradient, plan, verify
from jaxdeconv.algorithms import ALGORITHMS, fft, per_tap
from jaxdeconv.algorithms.contract import (
    CASES,
    Case,
    bound,
    check_algorithm,
    expected,
    supported,
)
from jaxdeconv.operators import ConvOperator, lstsq, richardson_lucy
from jaxdeconv.planning import planner, tuning_cache
from jaxdeconv.planning.tuning_cache import Measured
from tests.algorithms.test_padding import draw

LEGS = tuple(ALGORITHMS)
LONG = (
    Case("long", ConvGeometry(90, 61, 1, ((40, 7),), groups=3), 1, 1),
    Case("longer than the image", ConvGeometry((6, 9), (11, 13), 1, ((9, 4), (6, 8)))),
    Case("strided", ConvGeometry((40, 31), (17, 12), (4, 3), ((5, 11), (-2, 3)), 1, 2)),
    Case("dilated", ConvGeometry((40, 61), (9, 12), 1, ((5, 11), (-2, 3)), (4, 5), 2)),
    Case("a volume", ConvGeometry((9, 10, 11), (5, 6, 7), (1, 2, 1), 3, (2, 1, 1))),
)


def normal(case: Case, dtype: str, seed: int = 0) -> tuple[np.ndarray, ...]:
    """v, w and u, whose sums round."""
    rng = np.random.default_rng(seed)
    arrays = [rng.normal(size=shape) for shape in case.shapes]
    if dtype == "complex128":
        arrays = [one + 1j * rng.normal(size=one.shape) for one in arrays]
    return tuple(arrays)


def check(leg: str, case: Case, data: tuple[np.ndarray, ...], dtype: str) -> float:
    """Every entry is as near to that of the matrix of coordinates as stated; how near they are."""
    problem = case.problem(leg, dtype)
    x, y, answer = expected(leg, case, data)
    got = jax.jit(lambda x, y: fft.apply(x, y, problem))(
        jnp.asarray(x, dtype), jnp.asarray(y, dtype)
    )
    assert (got.shape, got.dtype) == (answer.shape, problem.accumulator)
    error, stated = np.abs(got - answer).max(), bound(fft.FFTS[leg], problem, x, y)
    assert error <= stated
    return error / stated


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("leg", LEGS)
def test_every_geometry(leg: str, dtype: str) -> None:
    with jax.enable_x64(True):
        cases = supported(leg, fft.FFTS[leg], "cpu", dtype)
        assert len(cases) >= 19
        for case in (*cases, *LONG):
            check(leg, case, normal(case, dtype), dtype)


@pytest.mark.parametrize("leg", LEGS)
def test_random_geometries(leg: str) -> None:
    tried = 0
    with jax.enable_x64(True):
        for case in map(draw, range(1000, 1060)):
            if not fft.FFTS[leg].reject(case.problem(leg), "cpu"):
                check(leg, case, normal(case, "float64"), "float64")
                tried += 1
    assert tried >= 30


def adversaries(size: int, taps: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Signals and kernels in float32: of a large dynamic range, or in tune with the transforms."""
    rng, cells = np.random.default_rng(0), np.arange(size)
    spike = np.where(cells == size // 3, 1e8, 1.0)
    shapes = {
        "spike": (spike, rng.normal(size=taps)),
        "decades": (10.0 ** rng.uniform(-15, 15, size), 10.0 ** rng.uniform(-15, 15, taps)),
        "constant": (np.full(size, 1 / 3), np.full(taps, 1 / 7)),
        "alternating": ((-1.0) ** cells / 3, (-1.0) ** np.arange(taps) / 7),
        "one tap": (rng.normal(size=size), np.where(np.arange(taps) == 1, 1.1, 0)),
        "wave": (np.cos(2 * np.pi * cells * 17 / size), np.cos(2 * np.pi * np.arange(taps) / 5)),
        "smooth": (1 / (1 + cells) ** 2, 1 / (1 + np.arange(taps)) ** 2),
    }
    return {
        name: tuple(one.astype(np.float32).astype(np.float64) for one in pair)
        for name, pair in shapes.items()
    }


@pytest.mark.every_variant
@pytest.mark.parametrize("name", adversaries(8, 3))
def test_no_data_have_larger_errors(name: str) -> None:
    for size, taps in ((240, 65), (997, 301)):
        case = Case(name, ConvGeometry(size, taps, 1, taps // 2), 1, 1, 1)
        v, w = (one[:, None] for one in adversaries(size, taps)[name])
        v, w, u = v[None], w[..., None], v[None]  # as many outputs as inputs
        for leg in LEGS:
            check(leg, case, (v, w, u), "float32")


def test_small_entries_beside_large_ones_have_no_correct_digit() -> None:
    """What 'relative to the largest entry' means, and why 'auto' is not allowed to take it."""
    v, w = (one[:, None] for one in adversaries(240, 65)["spike"])
    exact, got = (
        np.asarray(conv(jnp.float32(v), jnp.float32(w[..., None]), algorithm=name))
        for name in ("auto", "fft")
    )
    small = np.abs(exact) < 100
    assert small.any()
    assert (np.abs(got - exact)[small] > np.abs(exact)[small] / 10).any()
    assert np.abs(got - exact).max() < 1e-6 * np.abs(exact).max()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_operands_are_transformed_in_float32(dtype: str) -> None:
    case = LONG[0]
    v, w, _ = (jnp.asarray(one, dtype) for one in normal(case, "float64"))
    keywords = case.keywords | {"preferred_element_type": jnp.float32}
    wide = conv(v, w, algorithm="per_tap", **keywords)
    got = conv(v, w, algorithm="fft", **keywords)
    assert got.dtype == jnp.float32
    assert np.abs(got - wide).max() < 1e-5 * np.abs(wide).max()
    assert conv(v, w, algorithm="fft", **case.keywords).dtype == dtype


@pytest.mark.parametrize("case", LONG[:4], ids=lambda case: case.name)
def test_derivatives_of_any_order_are_transforms_too(case: Case) -> None:
    with jax.enable_x64(True):
        v, w, u = map(jnp.asarray, normal(case, "float64"))

        def third(algorithm):
            def loss(v, w):
                return (conv(v, w, algorithm=algorithm, **case.keywords) ** 3 * u).sum()

            def second(v, w):
                dv, dw = jax.grad(loss, (0, 1))(v, w)
                return (dv**2).sum() + (dw**2).sum()

            return jax.jit(jax.grad(second, (0, 1)))

        text = third("fft").lower(v, w).as_text()
        assert "fft" in text
        assert "convolution" not in text
        for got, right in zip(third("fft")(v, w), third("auto")(v, w), strict=True):
            assert np.abs(got - right).max() <= 1e-10 * np.abs(right).max()


@pytest.mark.parametrize("case", LONG[:3], ids=lambda case: case.name)
def test_the_pairs_are_adjoint(case: Case) -> None:
    """By `verify`, which reads the transforms themselves, and bounds their errors."""
    v, w, _ = (jnp.round(3 * jnp.asarray(one, jnp.float32)) for one in normal(case, "float64"))
    keywords = case.keywords | {"algorithm": "fft"}
    size, taps = case.geometry.input_size, case.geometry.kernel_size
    pairs = [
        (
            lambda v: conv(v, w, **keywords),
            lambda u: conv_transpose(u, w, input_size=size, **keywords),
            v,
        ),
        (
            lambda w: conv(v, w, **keywords),
            lambda u: kernel_gradient(u, v, kernel_size=taps, **keywords),
            w,
        ),
    ]
    for forward, back, domain in pairs:
        space = jax.ShapeDtypeStruct(domain.shape, domain.dtype)
        report = verify.adjoint(forward, back, space, key=0, transpose=True)
        assert report.ok, report
    shifted = pairs[0][1]
    wrong = verify.adjoint(
        pairs[0][0], lambda u: jnp.roll(shifted(u), 1, 1), v, key=0, transpose=True
    )
    assert not wrong.ok


def test_auto_never_takes_it() -> None:
    problems = [one.problem(leg) for one in (*BENCHMARKS, *LONG) for leg in LEGS]
    for problem, platform in itertools.product(problems, ("cpu", "cuda", "tpu")):
        assert planner.choose(problem, platform).algorithm != "fft"


@pytest.mark.parametrize("others", [{}, {"per_tap": 1.0}, {"block_diagonal": 1e-12}])
def test_nor_where_it_was_measured_to_be_the_fastest(
    others: dict[str, float], tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAXDECONV_CACHE", str(tmp_path))
    v, w, _ = map(np.float32, normal(LONG[0], "float64"))
    planned = plan("conv", v, w, platform="cpu", **LONG[0].keywords)
    tuning_cache.remember(planned.problem, "cpu", Measured({"fft": 1e-9, **others}))
    followed = plan("conv", v, w, platform="cpu", **LONG[0].keywords)
    tuning_cache.forget()
    assert followed.algorithm == ("per_tap" if "per_tap" in others else planned.algorithm)


def test_the_plan_says_what_it_would_take() -> None:
    v, w, _ = map(np.float32, normal(LONG[0], "float64"))
    planned = plan("conv", v, w, platform="cpu", **LONG[0].keywords)
    (one,) = (one for one in planned.candidates if one.algorithm == "fft")
    assert math.isfinite(one.seconds)
    (line,) = (line for line in str(planned).splitlines() if line.startswith("fft "))
    stated = f"{one.error:.0e}"
    assert line.endswith(
        f"on request: error relative to the largest entry, at most {stated} |x| |y|; spreads NaN "
        "and infinity"
    )
    forced = plan("conv", v, w, platform="cpu", algorithm="fft", **LONG[0].keywords)
    assert (forced.algorithm, forced.reason) == ("fft", "forced")


def test_a_nan_reaches_all_of_its_image_and_group_and_no_other() -> None:
    v, w = jnp.ones((2, 50, 2)).at[1, 7, 0].set(jnp.nan), jnp.ones((5, 1, 2))
    finite = jnp.isfinite(conv(v, w, groups=2, algorithm="fft"))
    assert finite[0].all()
    assert finite[1, :, 1].all()
    assert not finite[1, :, 0].any()
    assert jnp.isfinite(conv(v, w, groups=2)).sum() == finite.size - 5


@pytest.mark.every_variant
@pytest.mark.parametrize(
    ("case", "changes", "reason"),
    [
        ("plain", {"dtype": np.dtype(np.int32)}, "integers"),
        ("plain", {"partitioned": True}, "which XLA would gather"),
        ("no_dimensions", {}, "one to three dimensions"),
        ("four_dimensions", {}, "one to three dimensions"),
        ("dilation_and_stride", {}, "stride 1 or dilation 1"),
    ],
)
def test_rejected(case: str, changes: dict, reason: str) -> None:
    (found,) = (one for one in CASES if one.name == case)
    for leg in LEGS:
        problem = dataclasses.replace(found.problem(leg), **changes)
        assert reason in fft.FFTS[leg].reject(problem, "cpu")


def test_exported_with_any_batch() -> None:
    exported = export.export(
        jax.jit(lambda v, w: conv(v, w, padding=20, groups=3, algorithm="fft")),
        platforms=["cpu"],
    )(
        jax.ShapeDtypeStruct((*export.symbolic_shape("b"), 90, 3), jnp.float32),
        jax.ShapeDtypeStruct((61, 1, 3), jnp.float32),
    )
    v, w, _ = map(jnp.float32, normal(LONG[0], "float64"))
    right = conv(v, w, padding=20, groups=3)
    assert np.abs(exported.call(v, w) - right).max() < 1e-5 * np.abs(right).max()


def test_vmap_over_kernels() -> None:
    v, w, _ = map(jnp.float32, normal(LONG[0], "float64"))
    both = jnp.stack([w, 2 * w])

    def mapped(algorithm):
        return jax.vmap(lambda w: conv(v, w, algorithm=algorithm, **LONG[0].keywords))(both)

    assert np.abs(mapped("fft") - mapped("auto")).max() < 1e-5 * np.abs(mapped("auto")).max()


def test_lengths_are_the_least_fast_ones() -> None:
    def is_fast(n: int) -> bool:
        for prime in (2, 3, 5, 7):
            while n % prime == 0:
                n //= prime
        return n == 1

    for n in (*range(1, 300), 1021, 4097, 65537):
        assert fft._fast_length(n) == next(m for m in itertools.count(n) if is_fast(m))


class TestTheContract:
    """It takes an algorithm at its word: what it states must hold, and must tell integers apart."""

    right = fft.FFTS["conv"]

    @pytest.mark.parametrize("stated", [1e-9, 1.0])
    def test_an_error_that_is_not_true_or_says_nothing(self, stated: float) -> None:
        wrong = dataclasses.replace(self.right, error=lambda _: stated)
        with pytest.raises(AssertionError, match=r"an error of .*, stated to be at most"):
            check_algorithm("conv", wrong)

    def test_an_entry(self) -> None:
        wrong = dataclasses.replace(
            self.right, apply=lambda x, y, p: fft.apply(x, y, p).at[(0,) * x.ndim].add(1)
        )
        with pytest.raises(AssertionError, match=r"an error of 1.0e\+00, stated to be at most"):
            check_algorithm("conv", wrong)

    def test_without_a_statement_entries_are_equal(self) -> None:
        with pytest.raises(AssertionError, match="entries differ, first at"):
            check_algorithm("conv", dataclasses.replace(self.right, error=None))
        exact = per_tap.CONV
        assert bound(exact, CASES[0].problem("conv"), np.ones(3), np.ones(3)) == 0


class TestSolvers:
    """`ConvOperator` is told to use it, and so are the solvers."""

    def operators(self) -> list[ConvOperator]:
        t = jnp.arange(-20.0, 21.0)
        psf = jnp.exp(-(t**2) / 30.0)
        psf = jnp.outer(psf, psf) / psf.sum() ** 2
        return [
            ConvOperator(psf, (64, 48), padding="SAME", algorithm=name) for name in ("fft", "auto")
        ]

    def test_least_squares(self) -> None:
        truth = jnp.zeros((64, 48)).at[20:30, 15:40].set(1.0)
        solved = [lstsq(K, K @ truth, damp=1e-2) for K in self.operators()]
        assert np.abs(solved[0].value - solved[1].value).max() < 1e-3

    def test_richardson_lucy(self) -> None:
        truth = jnp.full((64, 48), 0.1).at[20:30, 15:40].set(1.0)
        found = [richardson_lucy(K, K @ truth, max_steps=20, tolerance=0) for K in self.operators()]
        assert np.abs(found[0].value - found[1].value).max() < 1e-3

    def test_it_runs(self) -> None:
        K = self.operators()[0]
        text = jax.jit(lambda v, u: (K @ v, K.T @ u)).lower(jnp.ones((64, 48)), jnp.ones((64, 48)))
        assert "fft" in text.as_text()
        assert "convolution" not in text.as_text()
        assert K.changed(2 * K.w).algorithm == "fft"
