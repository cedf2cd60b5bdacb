"""Every algorithm with padding that crops on one side and grows on the other.

XLA on CPUs has read outside the signal for such convolutions (openxla/xla issue 48713), so the
memory around it is poisoned, and many geometries are tried:

    pytest tests/algorithms/test_padding.py --geometries 10000
"""

import itertools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

from jaxdeconv import ConvGeometry
from jaxdeconv.algorithms import ALGORITHMS
from jaxdeconv.algorithms.contract import equations, expected
from jaxdeconv.algorithms.windows import crop_axis
from jaxdeconv.reference import derived, dilated, forward
from tests.support.cases import Case
from tests.support.checks import check_equal
from tests.support.poison import poison

DEFINITION: dict[str, Callable[..., Array]] = {
    "conv": forward.conv,
    "conv_transpose": derived.transpose,
    "kernel_gradient": derived.kernel_gradient,
}


def draw(seed: int) -> Case:
    """Padding from -2 to the reach of the kernel + 2, drawn for each side separately."""
    rng = np.random.default_rng([48713, seed])
    ndim = int(rng.choice([1, 1, 1, 2]))
    kernel, stride = rng.integers(1, 5, ndim), rng.integers(1, 4, ndim)
    dilation = rng.integers(1, 3, ndim)
    reach = dilation * (kernel - 1) + 1
    padding = np.stack([rng.integers(-2, reach + 3) for _ in range(2)], -1)
    least = np.maximum(np.maximum(1, reach - padding.sum(1)), -padding.min(1))
    size = least + rng.integers(0, 9, ndim)
    channels = ([1, 1, 2, 4], [1, 4, 16], [3, 4, 16])
    groups, in_channels, out_channels = (int(rng.choice(many)) for many in channels)
    geometry = ConvGeometry(
        tuple(size), tuple(kernel), tuple(stride), padding.tolist(), tuple(dilation), groups
    )
    return Case(f"padding_{seed}", geometry, in_channels, out_channels, int(rng.integers(1, 3)))


def every_algorithm(leg: str, case: Case) -> dict[str, Callable[[Array, Array], Array]]:
    """The definition, and all exact algorithms that some platform may use and this one can run."""
    problem = case.problem(leg)
    found = {"definition": lambda x, y: DEFINITION[leg](x, y, case.geometry)}
    for one in ALGORITHMS[leg]:
        platforms = ("cpu",) if "nn" in one.name else ("cpu", "tpu")  # oneDNN is CPU only
        if one.error is None and not all(one.reject(problem, platform) for platform in platforms):
            found[one.name] = lambda x, y, one=one: one.apply(x, y, problem)
    return found


def check(leg: str, case: Case) -> set[str]:
    """Every algorithm of a leg on poisoned memory; returns their names."""
    x, y, answer = expected(leg, case, case.data())
    functions = every_algorithm(leg, case)
    if leg == "conv_transpose":
        functions["dilated input"] = lambda u, w: dilated.transpose(u, w, case.geometry)
    run = jax.jit(lambda x, y: {name: one(x, y) for name, one in functions.items()})
    compiled = run.lower(x, y).compile()
    x, y = jax.device_put((x, y))
    poison(x, y, answer)
    for name, got in compiled(x, y).items():
        check_equal(got, answer, what=f"{leg} by {name} of {case}")
    return {*functions}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "block" in metafunc.fixturenames:
        count = metafunc.config.getoption("geometries")
        metafunc.parametrize("block", [range(i, min(i + 20, count)) for i in range(0, count, 20)])


@pytest.mark.every_variant
@pytest.mark.parametrize("leg", ALGORITHMS)
def test_random_padding(leg: str, block: range) -> None:
    for seed in block:
        check(leg, draw(seed))


FOUND = (
    # geometries that were wrong: (input size, kernel, stride, dilation, padding)
    (16, 3, 1, 1, (-1, 1)),
    (8, 3, 1, 1, (-2, 2)),
    (9, 2, 1, 1, (2, 0)),
    (8, 3, 2, 1, (3, 0)),
    (19, 3, 3, 1, (3, -1)),
    (18, 3, 2, 2, (7, 3)),
    (6, 4, 2, 1, (-1, 1)),
    (4, 1, 2, 2, (3, -2)),
    (5, 3, 1, 1, (5, 1)),
    (9, 3, 1, 1, (-9, 5)),
)


@pytest.mark.every_variant
@pytest.mark.parametrize("leg", ALGORITHMS)
def test_padding_that_was_wrong(leg: str) -> None:
    for n, k, s, d, pads in FOUND:
        geometry = ConvGeometry(n, k, s, (pads,), d)
        for in_channels, out_channels in ((4, 4), (16, 16)):
            check(leg, Case("found", geometry, in_channels, out_channels))


STRIDES_OF_ONE_POSITION = (
    # for G, oneDNN's stride is our dilation, and its output size is our kernel size
    Case("dilated single tap", ConvGeometry((13, 9), (2, 1), (3, 1), -2, (1, 2)), 4, 4, 1),
    Case("without padding", ConvGeometry((8, 5), (2, 1), (3, 1), 0, (1, 2)), 4, 4, 1),
    Case("unread cells", ConvGeometry((8, 6), (2, 1), (3, 2), 0, (1, 3)), 3, 2, 1),
    Case("other axis", ConvGeometry((5, 8), (1, 2), (1, 2), 0, (2, 1)), 16, 1, 1),
    Case("one position", ConvGeometry((5, 9), (4, 3), (3, 2), (1, 0)), 1, 4, 3),
    Case("one position, unread cells", ConvGeometry((6, 9), (4, 3), (4, 2), 0), 1, 16, 4),
    Case("3-D", ConvGeometry((4, 6, 5), (2, 2, 1), (1, 2, 1), 0, (1, 1, 2)), 4, 4, 1),
)


@pytest.mark.every_variant
@pytest.mark.parametrize("leg", ALGORITHMS)
def test_where_a_stride_has_no_meaning(leg: str) -> None:
    """With one output position, oneDNN has read the second image from a wrong address."""
    for case in STRIDES_OF_ONE_POSITION:
        check(leg, case)


@pytest.mark.parametrize("leg", ALGORITHMS)
def test_no_convolution_has_negative_padding(leg: str) -> None:
    """Neither in an algorithm, nor in the definition and its derivatives."""
    seen = 0
    for case in map(draw, range(60)):
        x, y, _ = expected(leg, case, case.data())
        for name, run in every_algorithm(leg, case).items():
            texts = [jax.make_jaxpr(run)(x, y)]
            if name == "definition":
                total = jax.grad(lambda x, y, run=run: (run(x, y) ** 2).sum(), (0, 1))
                texts.append(jax.make_jaxpr(total)(x, y))
            for equation in [one for text in texts for one in equations(text.jaxpr)]:
                if equation.primitive.name == "conv_general_dilated":
                    seen += 1
                    assert min(map(min, equation.params["padding"])) >= 0, f"{leg} by {name}"
    assert seen >= 60


def padded(x: np.ndarray, low: int, high: int, spacing: int) -> np.ndarray:
    """`lax.pad` of a signal in NumPy: insert zeros, then pad or crop."""
    spread = np.zeros(max(0, spacing * (len(x) - 1) + 1), x.dtype)
    spread[::spacing] = x
    whole = np.pad(spread, (max(0, low), max(0, high)))
    return whole[max(0, -low) : len(whole) - max(0, -high)]


@pytest.mark.parametrize("spacing", [1, 2, 3])
def test_an_axis_is_cropped_as_lax_pads(spacing: int) -> None:
    """All paddings of five entries: cropped and padded, they equal the padded original."""
    x = np.arange(1.0, 6.0, dtype=np.float32)
    length = spacing * 4 + 1
    for low, high in itertools.product(range(-length, 3), (-4, -3, -1, 0, 2)):
        if low + high + length < 1:
            continue
        kept, left = crop_axis(jnp.asarray(x), 0, (low, high), spacing)
        assert min(left) >= 0
        check_equal(padded(np.asarray(kept), *left, spacing), padded(x, low, high, spacing))


def test_the_check_finds_a_fault() -> None:
    """It finds one wrong entry, and names the algorithm."""
    case = draw(0)
    _, _, answer = expected("conv", case, case.data())
    with pytest.raises(AssertionError, match=r"conv by planted: 1 of"):
        check_equal(
            answer + (np.arange(answer.size).reshape(answer.shape) == 3), answer, "conv by planted"
        )
