"""The trials: correct pairs, and every planted fault in several of them, at three sizes."""

import dataclasses
import itertools
import zlib
from collections.abc import Callable, Iterator, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.verification.convolutions import ConvSpec, conv_pair, conv_specs, enlarged
from benchmarks.verification.mutants import Mutant
from benchmarks.verification.pair import Pair, cells
from benchmarks.verification.pairs import CLASSIC, correct_pairs
from jaxdeconv.verify.diagnose import Cause

__all__ = ["SIZES", "Plan", "Trial", "correct_trials", "mutant_trials"]

SIZES = ("small", "10^4", "10^6")
"""Cells of the domain: up to some hundreds, and at least so many."""

_DTYPES = (jnp.float32, jnp.float64, jnp.complex64, jnp.complex128, jnp.bfloat16, jnp.float16)
_TENTHS = (jnp.float32, jnp.float64)  # also with constants that are no integers
_LARGE = (0, 5, 10)  # convolutions with few channels, enlarged


@dataclasses.dataclass(frozen=True)
class Trial:
    """A pair to be judged.

    Attributes:
        pair: A and the At to be judged.
        seed: for the checkers.
        fault: name of what was planted; '' for correct pairs.
        cause: what a diagnosis should say; None for a fault that it need not know, and for none.
        size: one of `SIZES`.
        hidden: whether the fault is of the second set.
    """

    pair: Pair
    seed: int
    fault: str = ""
    cause: Cause | None = None
    size: str = SIZES[0]
    hidden: bool = False


@dataclasses.dataclass(frozen=True)
class Plan:
    """How many.

    Attributes:
        small: small pairs into which each fault is planted.
        middle_every: one in so many faults is planted at 10^4 cells too; 0: none.
        large_every: the same at 10^6.
        hidden: pairs drawn for each fault of the second set.
        seed: of everything.
    """

    small: int = 4
    middle_every: int = 2
    large_every: int = 6
    hidden: int = 3
    seed: int = 0


def correct_trials(seed: int, count: int) -> Iterator[Trial]:
    """Correct pairs of all kinds."""
    for i, pair in enumerate(correct_pairs(seed, count)):
        size = SIZES[1] if cells(pair.domain) >= 10**4 else SIZES[0]
        yield Trial(pair, i, size=size)


def mutant_trials(mutants: Sequence[Mutant], plan: Plan) -> Iterator[Trial]:
    """Each fault in pairs drawn at random from all where it is one."""
    pool = [*_convolutions(plan.seed), *_others(plan.seed)]
    for mutant in mutants:
        rng = np.random.default_rng((plan.seed, zlib.crc32(mutant.name.encode())))
        chosen = _alternating(rng, pool)
        sizes = [(SIZES[0], chosen, plan.small)]
        for size, least, every in zip(
            SIZES[1:], (10**4, 10**6), (plan.middle_every, plan.large_every), strict=True
        ):
            if every and rng.integers(every) == 0:
                sizes.append((size, _enlarged(rng, least), 1))
        for size, makers, count in sizes:
            hits = (trial for make in makers for trial in _planted(mutant, make(), size))
            yield from itertools.islice(hits, count)


def _planted(mutant: Mutant, pair: Pair, size: str) -> Iterator[Trial]:
    """One trial, or none where the fault is none."""
    if mutant.applies_to(pair):
        wrong = dataclasses.replace(pair, At=mutant.make(pair))
        seed = zlib.crc32(f"{mutant.name} {pair.name}".encode())
        yield Trial(wrong, seed, mutant.name, mutant.cause, size)


Maker = Callable[[], Pair]


def _convolutions(seed: int) -> list[Maker]:
    """Every convolution of the table in every dtype."""
    specs = [spec for dtype in _DTYPES for spec in conv_specs(dtype, seed)]
    specs += [
        spec.replace(kernel=(spec.kernel / 10).astype(dtype))
        for dtype in _TENTHS
        for spec in conv_specs(dtype, seed)
    ]
    return [_maker(spec) for spec in specs]


def _maker(spec: ConvSpec) -> Maker:
    return lambda: conv_pair(spec)


def _others(seed: int) -> list[Maker]:
    """Four of each kind, those of two axes and one channel among them."""
    pairs = list(correct_pairs(seed, 4 * len(CLASSIC), CLASSIC))
    return [lambda pair=pair: pair for pair in pairs if cells(pair.domain) < 10**4]


def _alternating(rng: np.random.Generator, makers: list[Maker]) -> Iterator[Maker]:
    """All of them in random order."""
    return (makers[i] for i in rng.permutation(len(makers)))


def _enlarged(rng: np.random.Generator, size: int) -> Iterator[Maker]:
    """Some convolutions of at least `size` cells, whole numbers or tenths."""
    specs = list(conv_specs(jnp.float32, int(rng.integers(2**31))))
    order = rng.permutation(_LARGE if size > 10**5 else len(specs))
    for i in order:
        spec = enlarged(specs[i], size)
        yield _maker(spec)
        if jax.config.jax_enable_x64:
            yield _maker(spec.replace(kernel=spec.kernel.astype(np.float64)))
