"""Faults to plant in an adjoint: each makes of a correct pair a wrong At that looks plausible.

Faults of two kinds: of any map, done to At's argument or result; of a convolution, done to the
numbers that define it. All are JAX functions that run at any size under `jax.jit`. A fault that
happens to change nothing (a symmetric kernel, flipped) is not a fault: see `differs`.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.verification import conv_faults, faults
from benchmarks.verification.pair import Map, Pair, matrix
from jaxdeconv.verify.diagnose import Cause

__all__ = ["MUTANTS", "Mutant", "differs", "planted"]


@dataclasses.dataclass(frozen=True)
class Mutant:
    """A fault.

    Attributes:
        name: unique, readable.
        cause: what a diagnosis should say; None for faults that it is not meant to know.
        make: correct pair -> wrong At; None where this fault cannot be planted.
        linear: whether the wrong At is a linear map, which its entries describe.
    """

    name: str
    cause: Cause | None
    make: Callable[[Pair], Map | None]
    linear: bool = True

    def applies_to(self, pair: Pair) -> bool:
        """Whether the fault can be planted and really changes At."""
        wrong = self.make(pair)
        return wrong is not None and differs(pair, wrong)


def differs(pair: Pair, wrong: Map) -> bool:
    """Whether a map is not At: by all entries where small, else on one random probe.

    The probe is of whole numbers without 0; a fault that it does not show is taken for none.
    """
    if pair.small:
        return not np.array_equal(matrix(wrong, pair.codomain), matrix(pair.At, pair.codomain))
    rng = np.random.default_rng(0)
    u = jax.tree.map(
        lambda s: jnp.asarray(
            rng.integers(1, 8, s.shape) * rng.choice(np.array((-1, 1)), s.shape), s.dtype
        ),
        pair.codomain,
    )
    right, other = jax.tree.leaves(jax.jit(pair.At)(u)), jax.tree.leaves(jax.jit(wrong)(u))
    return not all(np.array_equal(a, b) for a, b in zip(right, other, strict=True))


def planted(
    pairs: Iterable[Pair], mutants: Iterable[Mutant] | None = None
) -> Iterator[tuple[Mutant, Pair, Map]]:
    """Every fault in every pair where it is one: (fault, pair, wrong At)."""
    mutants = MUTANTS if mutants is None else tuple(mutants)
    for pair in pairs:
        for mutant in mutants:
            wrong = mutant.make(pair)
            if wrong is not None and differs(pair, wrong):
                yield mutant, pair, wrong


MUTANTS: tuple[Mutant, ...] = (
    *(Mutant(name, *fault) for name, fault in (faults.FAULTS | conv_faults.FAULTS).items()),
    *(Mutant(name, *fault, linear=False) for name, fault in faults.NON_LINEAR.items()),
)
"""Every fault, each with its cause."""
