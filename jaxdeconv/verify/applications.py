"""A function under test, applied to blocks of vectors: batched, bounded in memory, counted."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError
from jaxdeconv.verify.jaxprs import held
from jaxdeconv.verify.spaces import Space

__all__ = ["NotFinite", "Operator", "check_rings", "first_line"]

LANES = 64
"""At most this many vectors in one call ..."""

CELLS = 2**23
"""... and so many cells of domain and codomain together."""


class NotFinite(ArithmeticError):
    """A result holds NaN or infinity; the text says where."""


class Operator:
    """`fun`, taking parameters and then a member of `domain`, as a map of blocks.

    It is compiled twice: for a single vector, and through `jax.vmap` for a fixed number of them,
    to which shorter blocks are filled up. Where `jax.vmap` is impossible it is applied to one
    vector at a time, and a function that JAX cannot trace is called as it is.

    Attributes:
        name: as the user calls it: 'A' or 'At'.
        fun: the function.
        domain: what it takes.
        codomain: what it gives.
        parameters: what it takes first; set anew for each draw of a family.
        mode: 'vmap', 'loop', 'eager' (untraceable, given JAX arrays) or 'numpy' (given NumPy's).
        applications: so far, one per vector.
    """

    def __init__(
        self, name: str, fun: Callable[..., Any], domain: Space, parameters: tuple[Any, ...] = ()
    ) -> None:
        self.name, self.fun, self.domain, self.parameters = name, fun, domain, parameters
        self.applications = 0
        self.mode, example = self._first_contact()
        self.codomain = Space.of(example, f"the result of {name}")
        self.lanes = max(1, min(LANES, CELLS // max(1, domain.size + self.codomain.size)))
        self._one = jax.jit(fun) if self.traceable else fun
        self._many = jax.jit(jax.vmap(fun, in_axes=(*(None for _ in parameters), 0)))

    def over_one_ring(self) -> None:
        """Count complex cells as two real ones where real cells stand beside them.

        Raises:
            ValueError: integers to floats, or floats to integers.
        """
        leaves = (*self.domain.leaves, *self.codomain.leaves)
        check_rings(self.domain, self.codomain)
        if len({leaf.dtype.kind == "c" for leaf in leaves}) > 1:
            self.domain, self.codomain = self.domain.realified(), self.codomain.realified()

    @property
    def traceable(self) -> bool:
        """Whether JAX can trace the function."""
        return self.mode in ("vmap", "loop")

    def __call__(self, block: np.ndarray) -> np.ndarray:
        """`(vectors, cells of the domain)` to `(vectors, cells of the codomain)`.

        Raises:
            NotFinite: NaN or infinity in a result.
            ValueError: the function raised.
        """
        self.applications += len(block)
        step = self.lanes if self.mode == "vmap" else 1
        result = np.empty((len(block), self.codomain.size), self.codomain.wide)
        for start in range(0, len(block), step):
            piece = block[start : start + step]
            result[start : start + step] = self._apply(piece)
        self._check_finite(result)
        return result

    def plain(self, vector: np.ndarray) -> np.ndarray:
        """The function called as the user would: not compiled, not batched."""
        self.applications += 1
        result = self._result(self.fun, self.domain.member(vector), batched=False)
        self._check_finite(result)
        return result[0]

    def _apply(self, piece: np.ndarray) -> np.ndarray:
        if self.mode == "vmap" and len(piece) > 1:
            padded = np.zeros((self.lanes, piece.shape[1]), piece.dtype)
            padded[: len(piece)] = piece
            try:
                return self._result(self._many, self.domain.members(padded), True)[: len(piece)]
            except Exception:  # no batching rule: the function itself may still be sound
                self.mode = "loop"
        vectors = [self.domain.member(vector) for vector in piece]
        return np.concatenate([self._result(self._one, vector, False) for vector in vectors])

    def _result(self, call: Callable[..., Any], argument: Any, batched: bool) -> np.ndarray:
        """One call; the result as a block, its structure checked."""
        if self.mode != "numpy":
            argument = self.domain.place(argument, batched)
        try:
            result = jax.tree.map(np.asarray, call(*self.parameters, argument))
        except Exception as error:
            raise self._raised(error) from error
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

    def _first_contact(self) -> tuple[str, Any]:
        """How the function can be called, and an example (or the shape) of its result."""
        try:
            structs = jax.tree.map(_struct, self.parameters)
            traced = jax.eval_shape(self.fun, *held(structs), held(self.domain.tree))
            self._check_widths()
            return "vmap", traced
        except (ArgumentTypeError, ArgumentValueError):
            raise
        except Exception as error:
            tracing = error
        zeros = self.domain.member(np.zeros(self.domain.size, self.domain.wide))
        for mode, place in (("eager", self._placed), ("numpy", lambda member: member)):
            try:
                example = self.fun(*self.parameters, place(zeros))
                return mode, jax.tree.map(np.asarray, example)
            except Exception:  # NumPy may still take what JAX cannot
                continue
        raise self._raised(tracing) from tracing

    def _placed(self, member: Any) -> Any:
        self._check_widths()
        return self.domain.place(member, False)

    def _check_widths(self) -> None:
        """JAX must be able to hold the domain: in 32-bit mode it has no float64."""
        for leaf in self.domain.leaves:
            if jax.dtypes.canonicalize_dtype(leaf.dtype) != leaf.dtype:
                raise ArgumentValueError(
                    f"the dtypes that {self.name} takes must exist in JAX's current mode",
                    "Enable jax_enable_x64, or pass 32-bit dtypes.",
                    dtype=str(leaf.dtype),
                )

    def _check_finite(self, result: np.ndarray) -> None:
        if result.dtype.kind != "i" and not np.isfinite(result).all():
            vector, cell = np.argwhere(~np.isfinite(result))[0]
            raise NotFinite(
                f"{self.name} gives {result[vector, cell]} at {self.codomain.where(int(cell))}"
            )

    def _raised(self, error: Exception) -> ArgumentValueError:
        return ArgumentValueError(
            f"{self.name} must accept the members of its domain",
            f"It raised {type(error).__name__}: {first_line(error)}",
            argument=self.domain,
        )


def check_rings(domain: Space, codomain: Space) -> None:
    """Integers to integers, floats to floats.

    Raises:
        ValueError: otherwise.
    """
    if (domain.kind == "integer") != (codomain.kind == "integer"):
        raise ArgumentValueError(
            "domain and codomain must both hold integers or both hold floats",
            "Convert on one side: a linear map is over one ring.",
            domain=domain,
            codomain=codomain,
        )


def _struct(leaf: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(np.shape(leaf), leaf.dtype)


def first_line(error: Exception) -> str:
    """What an error says, shortly."""
    return (str(error).strip().splitlines() or ["(no text)"])[0]
