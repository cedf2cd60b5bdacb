"""The entries of a linear map in coordinate form, as probing recovers them."""

import dataclasses

import numpy as np

__all__ = ["Entries"]


@dataclasses.dataclass(frozen=True, eq=False)
class Entries:
    """The non-zero entries of a matrix, or of a window of it, in coordinate form.

    The expected matrix, A^T or A^H, and the one found, At, map the codomain to the domain: `rows`
    count cells of the flattened domain and `cols` cells of the flattened codomain, in the order of
    `jax.tree.leaves` and, within a leaf, of C.

    Attributes:
        rows: `(entries,)` int64, index into the flattened domain v.
        cols: `(entries,)` int64, index into the flattened codomain u.
        values: `(entries,)` int64, Python integers, float64 or complex128.
        shape: `(cells of the domain, cells of the codomain)` of the whole matrix.
    """

    rows: np.ndarray
    cols: np.ndarray
    values: np.ndarray
    shape: tuple[int, int]
