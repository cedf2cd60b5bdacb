"""A function under test, applied to blocks of vectors: batched, bounded in memory, counted."""

import contextlib
import dataclasses
import functools
import math
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdeconv.errors import ArgumentValueError
from jaxdeconv.verify.analysis import (
    Analysis,
    Traced,
    Unbounded,
    analyse,
)
from jaxdeconv.verify.calls import (
    Count,
    Mode,
    NotFinite,
    Overwritten,
    Rounding,
    check_rings,
    compiled,
    first_contact,
    raised,
)
from jaxdeconv.verify.spaces import Space

__all__ = ["FEW", "Operator"]

LANES = 64
"""The most vectors in one call."""

CELLS = 2**23
"""The most cells of domain and codomain together in one call."""

FEW = 8
"""Vectors in a call of large maps that has no more."""


@dataclasses.dataclass(frozen=True, eq=False)
class Operator:
    """`fun`, taking parameters and then a member of `domain`, as a map of blocks.

    It is compiled through `jax.vmap` for a fixed number of vectors, to which shorter blocks are
    filled up; where that is impossible, or JAX cannot trace it, it takes one vector at a time.

    Attributes:
        name: as the user calls it: 'A' or 'At'.
        fun: the function.
        domain: what it takes.
        codomain: what it gives.
        parameters: what it takes first.
        mode: 'vmap', 'loop', 'eager' (untraceable, given JAX arrays) or 'numpy' (given NumPy's).
        traced: its jaxpr; None where JAX cannot trace it.
        count: of applications, shared by all operators that are derived from one.
        given: what this is in double precision; None where it is what was given.
        noise: observed rounding, relative to the results of a leaf, where none can be derived.
        scales: powers of two that cells of its arguments and of its results are multiplied by.
    """

    name: str
    fun: Callable[..., Any]
    domain: Space
    codomain: Space
    parameters: tuple[Any, ...]
    mode: Mode
    traced: Traced | None
    count: Count
    _one: Callable[..., Any]
    _many: Callable[..., Any]
    given: "Operator | None" = None
    noise: float = 0.0
    scales: "tuple[np.ndarray | None, np.ndarray | None]" = (None, None)

    @classmethod
    def of(
        cls, name: str, fun: Callable[..., Any], domain: Space, parameters: tuple[Any, ...] = ()
    ) -> "Operator":
        """The function as it can be called, which is found by trying.

        Raises:
            ValueError: it raised in every way.
        """

        def plain(*arguments: Any) -> Any:  # methods of some classes cannot be hashed, as JAX does
            return fun(*arguments)

        mode, example, traced = first_contact(name, plain, domain, parameters)
        return cls(
            name,
            plain,
            domain,
            Space.of(example, f"the result of {name}"),
            parameters,
            mode,
            traced,
            Count(),
            *compiled(plain, traced, len(parameters)),
        )

    def over_one_ring(self) -> "Operator":
        """Complex cells count as two real ones where real cells stand beside them.

        Raises:
            ValueError: integers to floats, or floats to integers.
        """
        check_rings(self.domain, self.codomain)
        leaves = (*self.domain.leaves, *self.codomain.leaves)
        if len({leaf.dtype.kind == "c" for leaf in leaves}) == 1:
            return self
        domain, codomain = self.domain.realified(), self.codomain.realified()
        return dataclasses.replace(self, domain=domain, codomain=codomain)

    def at(self, parameters: tuple[Any, ...]) -> "Operator":
        """The function of other parameters, of the same shapes."""
        given = self.given and self.given.at(parameters)
        return dataclasses.replace(self, parameters=parameters, given=given)

    def arithmetic(self) -> contextlib.AbstractContextManager[Any]:
        """JAX's mode in which it is traced and called."""
        return jax.enable_x64(True) if self.given else contextlib.nullcontext()

    def with_noise(self, noise: float) -> "Operator":
        """The function whose rounding was observed."""
        return self._changed(noise=noise)

    def scaled(self, inputs: np.ndarray | None, outputs: np.ndarray | None) -> "Operator":
        """The function between diagonal matrices of powers of two."""
        return self._changed(scales=(inputs, outputs))

    def unscaled(self, block: np.ndarray, result: np.ndarray) -> np.ndarray:
        """Results for probes of single ones, as if there were no scales.

        Args:
            block: `(vectors, cells of the domain)`.
            result: `(vectors, cells of the codomain)`.
        """
        inputs, outputs = self.scales
        if outputs is not None:
            result = result / outputs
        return result if inputs is None else result / inputs[np.argmax(block != 0, axis=1)][:, None]

    @property
    def is_scaled(self) -> bool:
        """Whether it stands between diagonal matrices."""
        return any(scale is not None for scale in self.scales)

    def _changed(self, **fields: Any) -> "Operator":
        """With other fields, of the same jaxpr, which is not analysed again."""
        changed = dataclasses.replace(self, **fields)
        changed.__dict__["analysis"] = self.analysis
        return changed

    def one_by_one(self) -> "Operator":
        """The function applied to one vector at a time."""
        return self._changed(mode="loop")

    @property
    def traceable(self) -> bool:
        """Whether JAX can trace the function."""
        return self.traced is not None

    @property
    def limits(self) -> tuple[float, float]:
        """The smallest and the largest normal float of the narrowest leaf."""
        infos = [jnp.finfo(leaf.dtype) for leaf in (*self.domain.leaves, *self.codomain.leaves)]
        return max(float(x.tiny) for x in infos), min(float(x.max) for x in infos)

    @property
    def lanes(self) -> int:
        """Vectors in one call."""
        return max(1, min(LANES, CELLS // max(1, self.domain.size + self.codomain.size)))

    @functools.cached_property
    def analysis(self) -> Analysis | None:
        """What its jaxpr says, at its parameters; None where JAX cannot trace it."""
        with self.arithmetic():
            return analyse(self.traced, self.parameters) if self.traced else None

    @functools.cached_property
    def rounding(self) -> Rounding:
        """How far its results may be off, at its parameters."""
        bits = min(self.domain.bits, self.codomain.bits)
        if self.domain.kind == "integer":
            return Rounding(bits, None, reason="integers do not round")
        if self.analysis is None:
            return Rounding(bits, None, reason=f"{self.name} cannot be traced by JAX")
        bound = self.analysis.bound
        if isinstance(bound, Unbounded):
            return Rounding(bits, None, reason=f"{self.name}: {bound}")
        return Rounding(min(bits, bound.accumulators), bound)

    @functools.cached_property
    def load(self) -> float:
        """Of probes of ones: times s it is at most 1 only if no sum of integers up to s rounds."""
        bound = self.rounding.magnitude
        if bound is None or bound.dyadic is None or self.is_scaled:
            return math.inf
        ones = np.full(self.domain.size, np.sqrt(2) if self.domain.kind == "complex" else 1.0)
        with self.arithmetic():
            return bound.load(self.domain.member(ones))

    def rounding_of(self, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Derived bounds for arguments of some magnitudes, whatever the scales.

        Args:
            sizes: `(vectors, cells of the domain)`.

        Returns:
            By entry `(vectors, cells of the codomain)`, and in the 2-norm `(vectors,)`.
        """
        assert self.rounding.magnitude is not None
        entries, norms = [], []
        for start in range(0, len(sizes), self.lanes):
            piece = sizes[start : start + self.lanes]
            with self.arithmetic():
                found = self.rounding.magnitude.rounding(self.domain.members(self._padded(piece)))
            by_entry, by_leaf = found
            squares = [np.square(np.asarray(leaf)) for leaf in jax.tree.leaves(by_leaf)]
            entries.append(self.codomain.magnitudes(by_entry)[: len(piece)])
            norms.append(np.sqrt(sum(squares))[: len(piece)])
        return np.concatenate(entries), np.concatenate(norms)

    def __call__(self, block: np.ndarray) -> np.ndarray:
        """`(vectors, cells of the domain)` to `(vectors, cells of the codomain)`.

        Raises:
            NotFinite: NaN or infinity in a result.
            ValueError: the function raised.
        """
        result = self.unchecked(block)
        self.check_finite(result)
        return result

    def unchecked(self, block: np.ndarray) -> np.ndarray:
        """The same, whatever the results are."""
        self.count.total += len(block)
        step = self.lanes if self.mode == "vmap" else 1
        inputs, outputs = self.scales
        result = np.empty((len(block), self.codomain.size), self.codomain.wide)
        for start in range(0, len(block), step):
            piece = block[start : start + step]
            found = self._apply(piece if inputs is None else piece * inputs)
            result[start : start + step] = found if outputs is None else found * outputs
        return result

    def plain(self, vector: np.ndarray) -> np.ndarray:
        """The function called as the user would: not compiled, not batched.

        Raises:
            NotFinite: as for blocks.
            Overwritten: it wrote into its argument.
        """
        self.count.total += 1
        member, before = self.domain.member(vector), self.domain.member(vector)
        start = time.perf_counter()
        result = self._result(self.fun, member, batched=False)
        self.count.seconds = time.perf_counter() - start
        if not jax.tree.all(jax.tree.map(np.array_equal, member, before)):
            raise Overwritten(f"{self.name} overwrites its argument")
        self.check_finite(result)
        return result[0]

    def batched(self, block: np.ndarray) -> np.ndarray | None:
        """At most `lanes` vectors in one call of `jax.vmap`; None where that is impossible."""
        self.count.total += len(block)
        return self._together(block)

    def _together(self, block: np.ndarray) -> np.ndarray | None:
        members = self.domain.members(self._padded(block))
        try:
            return self._result(self._many, members, True)[: len(block)]
        except Exception:  # no batching rule: the function itself may still be sound
            return None

    def _padded(self, block: np.ndarray) -> np.ndarray:
        """A block of one of two lengths: for large maps a second program costs less than zeros."""
        few = min(FEW, self.lanes)
        length = few if self._is_large and len(block) <= few else self.lanes
        padded = np.zeros((length, block.shape[1]), block.dtype)
        padded[: len(block)] = block
        return padded

    @property
    def _is_large(self) -> bool:
        return self.domain.size + self.codomain.size > CELLS // 2**8

    def _apply(self, piece: np.ndarray) -> np.ndarray:
        alone = len(piece) == 1 and self._is_large  # a program of its own is soon paid back
        found = self._together(piece) if self.mode == "vmap" and not alone else None
        if found is not None:
            return found
        vectors = [self.domain.member(vector) for vector in piece]
        return np.concatenate([self._result(self._one, vector, False) for vector in vectors])

    def _result(self, call: Callable[..., Any], argument: Any, batched: bool) -> np.ndarray:
        """One call; the result as a block, its structure checked."""
        with self.arithmetic():
            if self.mode != "numpy":
                argument = self.domain.place(argument, batched)
            try:
                with np.errstate(all="ignore"):  # what is not finite is found in the results
                    result = jax.tree.map(np.asarray, call(*self.parameters, argument))
            except Exception as error:
                raise raised(self.name, self.domain, error) from error
        if not batched:
            result = jax.tree.map(lambda leaf: np.asarray(leaf)[None], result)
        found = [leaf.shape[1:] for leaf in jax.tree.leaves(result)]
        if found != [leaf.shape for leaf in self.codomain.leaves]:
            raise ArgumentValueError(
                f"{self.name} must give one shape at all times",
                f"It gave {self.codomain} at first.",
                shapes=found,
            )
        return self.codomain.block(result)

    def check_finite(self, result: np.ndarray) -> None:
        """Raise `NotFinite` at the first NaN or infinity of a block of results."""
        if result.dtype.kind != "i" and not np.isfinite(result).all():
            vector, cell = np.argwhere(~np.isfinite(result))[0]
            raise NotFinite(
                f"{self.name} gives {result[vector, cell]} at {self.codomain.where(int(cell))}"
            )
