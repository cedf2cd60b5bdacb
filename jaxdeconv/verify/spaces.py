"""Spaces: what a function takes or gives, and its members as flat NumPy vectors.

All arithmetic of a verification is done on blocks, arrays `(vectors, cells)` in a wide NumPy dtype:
float64, complex128, or int64. A member's cells are counted leaf after leaf, each in C order.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec, Sharding

from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError
from jaxdeconv.verify.analysis import wide

__all__ = ["Space"]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Space:
    """A pytree of shapes and dtypes.

    Attributes:
        treedef: structure of a member.
        paths: of its leaves, as Python would index them.
        leaves: shape and dtype of each.
        shardings: of the example arrays; None where none was given.
        kind: 'integer', 'real' or 'complex' (where any leaf is).
        split: whether complex cells are two real ones.
        numpy: whether the example is made of NumPy arrays.
    """

    treedef: Any
    paths: tuple[str, ...]
    leaves: tuple[jax.ShapeDtypeStruct, ...]
    shardings: tuple[Sharding | None, ...]
    kind: str
    split: bool = False
    numpy: bool = False

    @classmethod
    def of(cls, tree: Any, name: str) -> "Space":
        """The space of which `tree` is a member or a description.

        Raises:
            TypeError: a leaf without shape or dtype, or of a dtype that is not numeric.
            ValueError: no leaf at all, or integers beside floats.
        """
        flat, treedef = jax.tree_util.tree_flatten_with_path(tree)
        if not flat:
            raise ArgumentValueError(
                f"{name} must have a leaf", "Pass arrays or jax.ShapeDtypeStruct.", **{name: tree}
            )
        for _, leaf in flat:
            if not hasattr(leaf, "shape") or not hasattr(leaf, "dtype"):
                raise ArgumentTypeError(
                    f"{name} must be a pytree of shapes with dtypes (or of example arrays)",
                    "Pass jax.ShapeDtypeStruct(shape, dtype), e.g. with dtype='float32'.",
                    **{name: tree},
                )
        leaves = tuple(jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) for _, leaf in flat)
        kinds = {_kind(leaf.dtype, name) for leaf in leaves}
        if "integer" in kinds and len(kinds) > 1:
            raise ArgumentValueError(
                f"{name} must not mix integers with floats",
                "Pass one kind of numbers: a linear map is over one ring.",
                **{name: tuple(str(leaf.dtype) for leaf in leaves)},
            )
        kind = "complex" if "complex" in kinds else kinds.pop()
        shardings = tuple(_sharding(leaf) for _, leaf in flat)
        paths = tuple(jax.tree_util.keystr(path) for path, _ in flat)
        numpy = all(isinstance(leaf, np.ndarray | np.generic) for _, leaf in flat)
        return cls(treedef, paths, leaves, shardings, kind, numpy=numpy)

    @property
    def tree(self) -> Any:
        """The pytree of `jax.ShapeDtypeStruct`."""
        return jax.tree.unflatten(self.treedef, self.leaves)

    @property
    def size(self) -> int:
        """How many cells a member has."""
        return sum(self.words)

    @property
    def wide(self) -> np.dtype:
        """The dtype of blocks."""
        names = {"integer": np.int64, "real": np.float64, "complex": np.complex128}
        return np.dtype(names[self.kind])

    @property
    def words(self) -> list[int]:
        """How many numbers of a block each leaf takes."""
        return [leaf.size * (2 if self.split and _is_complex(leaf) else 1) for leaf in self.leaves]

    def realified(self) -> "Space":
        """The same over the reals: every complex cell is its real and its imaginary part."""
        return dataclasses.replace(self, kind="real", split=True)

    def widened(self) -> "Space":
        """The same in double precision."""
        leaves = [jax.ShapeDtypeStruct(leaf.shape, wide(leaf.dtype)) for leaf in self.leaves]
        return dataclasses.replace(self, leaves=tuple(leaves))

    @property
    def bits(self) -> int:
        """Of the significand of the narrowest leaf; of the whole word for integers."""
        if self.kind == "integer":
            return min(int(jnp.iinfo(leaf.dtype).bits) for leaf in self.leaves)
        return min(int(jnp.finfo(leaf.dtype).nmant) + 1 for leaf in self.leaves)

    def deltas(self, cells: np.ndarray) -> np.ndarray:
        """Vectors that hold a single one each: `(cells, cells of a member)`."""
        block = np.zeros((len(cells), self.size), self.wide)
        block[np.arange(len(cells)), cells] = 1
        return block

    def members(self, block: np.ndarray) -> Any:
        """`(vectors, cells)` as one pytree with a leading axis of vectors, NumPy."""
        parts = np.split(block, self._ends(), axis=1)
        arrays = [
            self._cast(part, leaf).reshape(len(block), *leaf.shape)
            for part, leaf in zip(parts, self.leaves, strict=True)
        ]
        return jax.tree.unflatten(self.treedef, arrays)

    def member(self, vector: np.ndarray) -> Any:
        """`(cells,)` as a pytree."""
        return jax.tree.map(lambda leaf: leaf[0], self.members(vector[None]))

    def block(self, members: Any) -> np.ndarray:
        """Back from `members`: `(vectors, cells)`, in the wide dtype."""
        arrays = [np.asarray(leaf) for leaf in jax.tree.leaves(members)]
        flat = [self._widen(leaf.reshape(len(leaf), -1)) for leaf in arrays]
        return flat[0] if len(flat) == 1 else np.concatenate(flat, axis=1)

    def magnitudes(self, members: Any) -> np.ndarray:
        """Members of real numbers as a block; both parts of a split cell get the same number."""
        flat = []
        for cells, words, leaf in zip(
            jax.tree.leaves(members), self.words, self.leaves, strict=True
        ):
            if leaf.size:
                sizes = np.abs(np.asarray(cells, np.float64)).reshape(-1, leaf.size)
                flat.append(np.repeat(sizes, words // leaf.size, axis=1))
        return np.concatenate(flat, axis=1)

    def leafwise(
        self, block: np.ndarray, measure: Callable[[np.ndarray], np.ndarray]
    ) -> np.ndarray:
        """A measure of each leaf of each vector, at all cells of the leaf.

        Args:
            block: `(vectors, cells)`.
            measure: from `(vectors, cells of a leaf)` to `(vectors, 1)`.

        Returns:
            `(vectors, cells)`.
        """
        parts = [part for part in np.split(block, self._ends(), axis=1) if part.size]
        found = [np.broadcast_to(measure(part), part.shape) for part in parts]
        return np.concatenate(found, axis=1) if found else np.zeros(block.shape)

    def place(self, members: Any, batched: bool) -> Any:
        """On the devices of the example arrays; the axis of vectors is never divided."""
        placed = [
            jnp.asarray(leaf)
            if sharding is None
            else jax.device_put(leaf, _spread(sharding))
            if batched
            else jax.device_put(leaf, sharding)
            for leaf, sharding in zip(jax.tree.leaves(members), self.shardings, strict=True)
        ]
        return jax.tree.unflatten(self.treedef, placed)

    def where(self, cell: int) -> str:
        """The name of a cell: path of its leaf, and index within, e.g. `['bias'][2, 0]`."""
        leaf, index, _ = self.split_cell(cell)
        part = ""
        if self.split and _is_complex(self.leaves[leaf]):
            part = (".real", ".imag")[(cell - self._start(leaf)) % 2]
        return f"{self.paths[leaf]}[{', '.join(str(i) for i in index)}]{part}"

    def split_cell(self, cell: int) -> tuple[int, tuple[int, ...], int]:
        """The leaf of a cell, the index within that leaf, and the leaf's first cell."""
        leaf = int(np.searchsorted(self._ends(), cell, side="right"))
        start = self._start(leaf)
        within = (cell - start) * self.leaves[leaf].size // self.words[leaf]
        index = np.unravel_index(within, self.leaves[leaf].shape)
        return leaf, tuple(int(i) for i in index), start

    def fits(self, other: "Space") -> bool:
        """Whether members have the same structure and shapes; dtypes may differ."""
        shapes = [[leaf.shape for leaf in space.leaves] for space in (self, other)]
        return self.treedef == other.treedef and shapes[0] == shapes[1]

    def _ends(self) -> list[int]:
        """Where the second and later leaves begin."""
        return [int(end) for end in np.cumsum(self.words)[:-1]]

    def _start(self, leaf: int) -> int:
        return sum(self.words[:leaf])

    def _cast(self, part: np.ndarray, leaf: jax.ShapeDtypeStruct) -> np.ndarray:
        if self.split and _is_complex(leaf):
            part = part[:, 0::2] + 1j * part[:, 1::2]
        return part.astype(leaf.dtype)

    def _widen(self, part: np.ndarray) -> np.ndarray:
        if self.split and part.dtype.kind == "c":
            part = np.stack([part.real, part.imag], axis=-1).reshape(len(part), -1)
        return part.astype(self.wide)

    def __repr__(self) -> str:
        named = [
            f"{path}{leaf.dtype}[{','.join(map(str, leaf.shape))}]"
            for path, leaf in zip(self.paths, self.leaves, strict=True)
        ]
        return named[0] if self.paths == ("",) else f"({', '.join(named)})"


def _kind(dtype: Any, name: str) -> str:
    if jnp.issubdtype(dtype, jnp.integer):
        return "integer"
    if jnp.issubdtype(dtype, jnp.floating):
        return "real"
    if jnp.issubdtype(dtype, jnp.complexfloating):
        return "complex"
    raise ArgumentTypeError(
        f"{name} must hold numbers that can be added and multiplied",
        "Pass integer, float or complex dtypes.",
        dtype=str(dtype),
    )


def _is_complex(leaf: jax.ShapeDtypeStruct) -> bool:
    return bool(jnp.issubdtype(leaf.dtype, jnp.complexfloating))


def _sharding(leaf: Any) -> Sharding | None:
    """Of a committed array; a description may name one too."""
    if isinstance(leaf, jax.Array) and not leaf.committed:
        return None
    sharding = getattr(leaf, "sharding", None)
    return sharding if isinstance(sharding, Sharding) else None


def _spread(sharding: Sharding) -> Sharding:
    """The same with a leading axis that is not divided."""
    if isinstance(sharding, NamedSharding):
        return NamedSharding(sharding.mesh, PartitionSpec(None, *sharding.spec))
    return sharding
