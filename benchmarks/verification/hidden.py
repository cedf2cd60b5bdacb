"""The second set of faults: those that hide from probes of one size, and from calls of one type.

Each is drawn with its pair, and is really wrong: see `witness`.
"""

import dataclasses
import zlib
from collections.abc import Callable, Iterator, Sequence

import jax
import numpy as np

from benchmarks.verification import hidden_calls, hidden_nonlinear, hidden_scales
from benchmarks.verification.hidden_scales import Draw
from benchmarks.verification.pair import Pair, cells
from benchmarks.verification.trials import Plan, Trial
from benchmarks.verification.witness import WITNESSES

__all__ = ["HIDDEN", "Hidden", "hidden_trials"]

_LARGEST = 5000  # cells
_DRAWS = 40  # until one is really wrong


@dataclasses.dataclass(frozen=True)
class Hidden:
    """A fault and the pairs that have it.

    Attributes:
        name: unique, readable.
        draw: random numbers and the most cells -> A and a wrong At.
        shows: which of `WITNESSES` shows that it is wrong.
    """

    name: str
    draw: Draw
    shows: str

    def pairs(self, seed: int, largest: int = _LARGEST) -> Iterator[Pair]:
        """Wrong pairs without end, each of another draw.

        Raises:
            RuntimeError: hardly any draw is wrong.
        """
        rng = np.random.default_rng((seed, zlib.crc32(self.name.encode())))
        wrong: Callable[[Pair], bool] = WITNESSES[self.shows]
        vain = 0
        while vain < _DRAWS:
            pair = self.draw(rng, largest)
            vain += 1
            if wrong(pair):
                vain = 0
                (dtype, *_) = {str(leaf.dtype) for leaf in jax.tree.leaves(pair.domain)}
                form = "NumPy" if pair.numpy else "JAX"
                yield dataclasses.replace(pair, name=f"{dtype}[{cells(pair.domain)}], {form}")
        raise RuntimeError(f"{self.name}: none of {_DRAWS} draws was wrong")


def hidden_trials(faults: Sequence[Hidden], plan: Plan) -> Iterator[Trial]:
    """As many draws of each as the plan has."""
    for fault in faults:
        for _, pair in zip(range(plan.hidden), fault.pairs(plan.seed), strict=False):
            seed = zlib.crc32(f"{fault.name} {pair.name}".encode())
            yield Trial(pair, seed, fault.name, hidden=True)


HIDDEN = tuple(
    Hidden(name, *fault)
    for name, fault in (
        hidden_scales.FAULTS | hidden_nonlinear.FAULTS | hidden_calls.FAULTS
    ).items()
)
"""Every fault of the second set."""
