"""What is compared: a checker is given a pair and says whether At is the adjoint of A."""

import dataclasses
import inspect
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.verification.pair import Pair, cells, compiled, zeros
from jaxdeconv import verify

__all__ = ["Checker", "Subject", "Verdict", "is_complex", "ours", "ours_within", "timed"]

Check = Callable[["Subject"], "Verdict"]


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What a checker said.

    Attributes:
        status: 'pass', 'fail', or 'inconclusive' of those that can say so; 'raised' where the
            checker raised an exception, 'late' where it was stopped.
        forward: applications of A.
        backward: applications of At.
        seconds: taken.
        cause: of the fault, as diagnosed.
        certain: whether the diagnosis claims to be.
        others: whether it says what else the cause may be.
    """

    status: str
    forward: int
    backward: int
    seconds: float = 0.0
    cause: str = ""
    certain: bool = False
    others: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Checker:
    """A way to check.

    Attributes:
        name: as in the table.
        check: the verdict on a subject.
        takes: whether it can be asked of a pair at all: dtypes and sizes.
        note: how it was run.
    """

    name: str
    check: Check
    takes: Callable[[Pair], bool]
    note: str


class Subject:
    """A pair as rivals take it: compiled, counted, also as maps of flat NumPy vectors.

    Attributes:
        pair: A and At.
        seed: of the checker's random numbers.
        forward: applications of A so far.
        backward: applications of At so far.
    """

    def __init__(self, pair: Pair, seed: int) -> None:
        self.pair, self.seed = pair, seed
        self.forward = self.backward = 0
        kept_or_compiled = (lambda function: function) if pair.numpy else compiled
        self._A, self._At = kept_or_compiled(pair.A), kept_or_compiled(pair.At)

    def A(self, v: Any) -> Any:
        """A v."""
        self.forward += 1
        return self._A(v)

    def At(self, u: Any) -> Any:
        """At u."""
        self.backward += 1
        return self._At(u)

    def warm(self) -> None:
        """Compile both, uncounted, so that rivals are not charged, unless that is impossible."""
        try:
            for function, space in ((self._A, self.pair.domain), (self._At, self.pair.codomain)):
                jax.block_until_ready(function(self._placed(zeros(space))))
        except jax.errors.JAXTypeError:  # it cannot be traced
            self._A, self._At = self.pair.A, self.pair.At

    def fresh(self) -> "Subject":
        """The same compiled functions, nothing counted yet."""
        other = object.__new__(Subject)
        other.__dict__ = {**self.__dict__, "forward": 0, "backward": 0}
        return other

    @property
    def sizes(self) -> tuple[int, int]:
        """Cells of the domain and of the codomain."""
        return cells(self.pair.domain), cells(self.pair.codomain)

    @property
    def dtype(self) -> np.dtype:
        """Of all leaves of the domain."""
        (dtype,) = {leaf.dtype for leaf in jax.tree.leaves(self.pair.domain)}
        return dtype

    @property
    def complex(self) -> bool:
        """Whether the cells of the domain are complex."""
        return is_complex(self.pair.domain)

    def flat_A(self, v: np.ndarray) -> np.ndarray:
        """A of a flat vector."""
        return _flat(self.A(self._placed(_shaped(v, self.pair.domain))))

    def flat_At(self, u: np.ndarray) -> np.ndarray:
        """At of a flat vector."""
        return _flat(self.At(self._placed(_shaped(u, self.pair.codomain))))

    def _placed(self, tree: Any) -> Any:
        return tree if self.pair.numpy else jax.tree.map(jnp.asarray, tree)

    def said(self, accepts: bool) -> Verdict:
        """A verdict without a diagnosis, the applications as counted."""
        return Verdict("pass" if accepts else "fail", self.forward, self.backward)


def timed(checker: Checker, subject: Subject) -> Verdict:
    """The verdict with the seconds that it took."""
    start = time.perf_counter()
    try:
        verdict = checker.check(subject)
    except Exception as error:  # of a checker that could not cope with the pair: it counts
        verdict = Verdict("raised", 0, 0, cause=f"{type(error).__name__}: {error}".split("\n")[0])
    return dataclasses.replace(verdict, seconds=time.perf_counter() - start)


def ours_within(seconds: float) -> Checker:
    """Ours, told how long it may take."""
    known = "seconds" in inspect.signature(verify.adjoint).parameters
    options = {"seconds": seconds} if known else {}
    return dataclasses.replace(ours, check=lambda subject: _ours(subject, **options))


def _ours(subject: Subject, **options: Any) -> Verdict:
    pair = subject.pair
    report = verify.adjoint(
        pair.A,
        pair.At,
        pair.example,
        None if pair.numpy else pair.codomain,
        key=subject.seed,
        transpose=pair.transpose,
        **options,
    )
    others = [line[5:] for line in report.explanation.split("\n") if line.startswith("  or ")]
    return Verdict(
        report.status,
        report.forward,
        report.backward,
        cause=report.cause,
        certain=report.certain,
        others=tuple(other.partition(" (")[0] for other in others),
    )


ours = Checker("jaxdeconv.verify", _ours, lambda _: True, "defaults; time includes compilation")


def is_complex(tree: Any) -> bool:
    """Whether any leaf is."""
    leaves = jax.tree.leaves(tree)
    return any(jnp.issubdtype(leaf.dtype, jnp.complexfloating) for leaf in leaves)


def _shaped(flat: np.ndarray, tree: Any) -> Any:
    """A member of a space from its cells, leaf after leaf."""
    leaves, structure = jax.tree.flatten(tree)
    parts = np.split(flat, np.cumsum([cells(leaf) for leaf in leaves])[:-1])
    shaped = (
        part.reshape(leaf.shape).astype(leaf.dtype)
        for part, leaf in zip(parts, leaves, strict=True)
    )
    return structure.unflatten(shaped)


def _flat(tree: Any) -> np.ndarray:
    return np.concatenate([np.asarray(leaf).ravel() for leaf in jax.tree.leaves(tree)])
