"""Matrices as sorted, unique coordinates: what hypotheses transform and compare."""

import dataclasses
import functools

import numpy as np

__all__ = ["Sparse"]


@dataclasses.dataclass(frozen=True, eq=False)
class Sparse:
    """Non-zero entries, sorted by (row, column), each place once.

    Attributes:
        rows: `(entries,)` int64.
        cols: `(entries,)` int64.
        values: `(entries,)` float64 or complex128.
        shape: of the whole matrix.
    """

    rows: np.ndarray
    cols: np.ndarray
    values: np.ndarray
    shape: tuple[int, int]

    def dense(self) -> np.ndarray:
        """The whole matrix."""
        matrix = np.zeros(self.shape, self.values.dtype)
        matrix[self.rows, self.cols] = self.values
        return matrix

    @classmethod
    def collect(
        cls, rows: np.ndarray, cols: np.ndarray, values: np.ndarray, shape: tuple[int, int]
    ) -> "Sparse":
        """Sort, add up what falls on one place, leave out zeros."""
        keys, place = np.unique(rows * shape[1] + cols, return_inverse=True)
        total = np.zeros(len(keys), np.result_type(values.dtype, np.float64))
        np.add.at(total, place, values)
        present = total != 0
        rows, cols = np.divmod(keys[present], max(1, shape[1]))
        return cls(rows, cols, total[present], shape)

    def __len__(self) -> int:
        return len(self.values)

    def where(self, mask: np.ndarray) -> "Sparse":
        """The entries chosen by `mask`."""
        return Sparse(self.rows[mask], self.cols[mask], self.values[mask], self.shape)

    def with_values(self, values: np.ndarray) -> "Sparse":
        """The same places, other values."""
        return Sparse.collect(self.rows, self.cols, values, self.shape)

    def differences(self, other: "Sparse", floor: float = 0.0, slack: float = 0.0) -> "Sparse":
        """`other - self` at the places where they differ by more than floor + slack * |self|."""
        ours, theirs, keys = self._aligned(other)
        with np.errstate(invalid="ignore"):
            wrong = ~(np.abs(theirs - ours) <= floor + slack * np.abs(ours))
            gaps = (theirs - ours)[wrong]
        rows, cols = np.divmod(keys[wrong], max(1, self.shape[1]))
        return Sparse(rows, cols, gaps, self.shape)

    def agrees(self, other: "Sparse", floor: float = 0.0, slack: float = 0.0) -> bool:
        """Whether there are no `differences`; cheap where the supports differ."""
        if floor == 0 and not np.array_equal(self.keys, other.keys):
            return False
        return not len(self.differences(other, floor, slack))

    def at(self, places: "Sparse") -> np.ndarray:
        """The values at the places of another matrix, 0 where there is no entry."""
        keys = places.keys
        index = np.searchsorted(self.keys, keys)
        inside = index < len(self)
        found = np.zeros(len(keys), bool)
        found[inside] = self.keys[index[inside]] == keys[inside]
        values = np.zeros(len(keys), self.values.dtype)
        values[found] = self.values[index[found]]
        return values

    @functools.cached_property
    def is_integral(self) -> bool:
        """Whether all values are integers, which sums and differences do not round."""
        return bool((self.values.real % 1 == 0).all() and (self.values.imag % 1 == 0).all())

    @functools.cached_property
    def keys(self) -> np.ndarray:
        """Row-major place numbers, sorted."""
        return self.rows * self.shape[1] + self.cols

    def _aligned(self, other: "Sparse") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Both matrices' values at the places of either, and those places."""
        if len(self) == len(other) and np.array_equal(self.keys, other.keys):
            return self.values, other.values, self.keys
        keys = np.sort(np.concatenate((self.keys, other.keys)), kind="stable")
        keys = keys[np.append(True, keys[1:] != keys[:-1])]
        rows, cols = np.divmod(keys, max(1, self.shape[1]))
        union = Sparse(rows, cols, np.zeros(len(keys)), self.shape)
        return self.at(union), other.at(union), keys
