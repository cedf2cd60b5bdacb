"""Every algorithm of every leg, and every padding mode, judged by the package's own `verify`.

Integer kernels and signals: the evidence is exact, for every entry, and no tolerance is involved.
"""

import dataclasses
import functools
from collections.abc import Iterator

import jax
import numpy as np
import pytest

from jaxdeconv import ConvGeometry, boundary, conv, conv_transpose, kernel_gradient, verify
from jaxdeconv.algorithms import ALGORITHMS, Problem
from jaxdeconv.planning import tuning_cache
from tests.support.algorithms import runs_here

FLOAT32 = np.dtype(np.float32)
GEOMETRIES = (
    (ConvGeometry((6, 7), (3, 2), (2, 3), ((1, 0), (0, 2)), (2, 1), 2), 2, 3),
    (ConvGeometry((6, 7), (3, 2), (2, 3), ((1, 0), (0, 2)), 1, 2), 2, 3),
    (ConvGeometry((5, 6), (3, 2), 1, ((1, 0), (0, 2)), 1, 1), 2, 3),
    (ConvGeometry((6, 7), (3, 2), 2, ((1, 0), (0, 2)), 1, 3), 1, 1),
)
"""Geometry, channels of v and of u per group; the first that an algorithm supports is taken."""

NAMES = [(leg, one.name) for leg, many in ALGORITHMS.items() for one in many]


def problems(leg: str) -> list[Problem]:
    return [
        Problem(
            leg,
            geometry,
            1,
            geometry.groups * in_channels,
            geometry.groups * out_channels,
            FLOAT32,
            FLOAT32,
        )
        for geometry, in_channels, out_channels in GEOMETRIES
    ]


def whole(shape: tuple[int, ...], seed: int = 0) -> jax.Array:
    """Small integers of both signs, as floats."""
    rng = np.random.default_rng(seed)
    return jax.numpy.asarray(rng.integers(-3, 4, shape), np.float32)


def check(A, At, domain: tuple[int, ...], dtype: str = "float32") -> None:
    """The structure is proved by exact evidence and by every entry, the precision by the bound."""
    space = jax.ShapeDtypeStruct(domain, dtype)
    report = verify.adjoint(A, At, space, key=0, transpose=True)
    assert report.ok, report.explanation
    assert report.of("exact").status == report.of("every entry").status == "pass"


@pytest.mark.parametrize(("leg", "name"), NAMES)
def test_every_algorithm(leg: str, name: str) -> None:
    (algorithm,) = (one for one in ALGORITHMS[leg] if one.name == name)
    supported = [one for one in problems(leg) if not algorithm.reject(one, "cpu")]
    if not supported:
        assert not runs_here(name)
        return
    problem = supported[0]
    geometry = problem.geometry
    v_shape = (1, *geometry.input_size, problem.in_channels)
    keywords = geometry.keywords
    chosen = {leg: name}
    w = whole((*geometry.kernel_size, problem.in_per_group, problem.out_channels))
    forward = functools.partial(conv, algorithm=chosen.get("conv", "auto"), **keywords)
    back = functools.partial(
        conv_transpose,
        input_size=geometry.input_size,
        algorithm=chosen.get("conv_transpose", "auto"),
        **keywords,
    )
    if leg != "kernel_gradient":
        check(lambda v: forward(v, w), lambda u: back(u, w), v_shape)
        return
    v = whole(v_shape)
    gradient = functools.partial(
        kernel_gradient, kernel_size=geometry.kernel_size, algorithm=name, **keywords
    )
    check(lambda w: forward(v, w), lambda u: gradient(u, v), w.shape)


KEYWORDS = {"stride": (2, 1), "padding": ((2, 1), (1, 2)), "dilation": (1, 2), "groups": 2}


@pytest.mark.parametrize("mode", boundary.MODES)
class TestEveryPaddingMode:
    def test_transpose(self, mode: str) -> None:
        w = whole((3, 2, 1, 4))
        keywords = KEYWORDS | {"padding_mode": mode}
        check(
            lambda v: conv(v, w, **keywords),
            lambda u: conv_transpose(u, w, input_size=(5, 4), **keywords),
            (5, 4, 2),
        )

    def test_kernel_gradient(self, mode: str) -> None:
        v = whole((5, 4, 2))
        keywords = KEYWORDS | {"padding_mode": mode}
        check(
            lambda w: conv(v, w, **keywords),
            lambda u: kernel_gradient(u, v, kernel_size=(3, 2), **keywords),
            (3, 2, 1, 4),
        )


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "complex64", "int8", "int32"])
def test_every_dtype(dtype: str) -> None:
    w = whole((3, 2, 1, 4)).astype(dtype)
    check(
        lambda v: conv(v, w, **KEYWORDS),
        lambda u: conv_transpose(u, w, input_size=(5, 4), **KEYWORDS),
        (5, 4, 2),
        dtype,
    )


@pytest.fixture
def nothing_compiled() -> Iterator[None]:
    """What another algorithm compiled, and its plans, are not taken from a cache."""
    tuning_cache.forget()
    jax.clear_caches()
    yield
    tuning_cache.forget()
    jax.clear_caches()


@pytest.mark.usefixtures("nothing_compiled")
@pytest.mark.parametrize("leg", ALGORITHMS)
def test_a_wrong_algorithm_is_refused(leg: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same check on planted faults: an algorithm whose result is shifted by one cell."""
    right = ALGORITHMS[leg][-2]

    def shifted(x: jax.Array, y: jax.Array, problem: Problem) -> jax.Array:
        return jax.numpy.roll(right.apply(x, y, problem), 1, 1)

    monkeypatch.setitem(ALGORITHMS, leg, (dataclasses.replace(right, apply=shifted),))
    w, v = whole((3, 2, 2, 3)), whole((1, 5, 6, 2))
    keywords = {"stride": 2, "padding": 1}
    back = functools.partial(conv_transpose, input_size=(5, 6), **keywords)
    gradient = functools.partial(kernel_gradient, kernel_size=(3, 2), **keywords)
    pair = (
        (lambda w: conv(v, w, **keywords), lambda u: gradient(u, v), w.shape)
        if leg == "kernel_gradient"
        else (lambda v: conv(v, w, **keywords), lambda u: back(u, w), v.shape)
    )
    with pytest.raises(AssertionError, match=r"^(likely )?cause: (shifted|slices permuted) \("):
        check(*pair)
