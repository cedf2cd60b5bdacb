"""The entries of a linear map, as coordinates: what probing recovers and a diagnosis reads."""

import dataclasses

import numpy as np

__all__ = ["Entries"]


@dataclasses.dataclass(frozen=True, eq=False)
class Entries:
    """The non-zero entries of a matrix, or of a window of it, in coordinate form.

    Of A^T (A^H) as it should be, and of At as it was found: both map the codomain to the domain,
    so `rows` count cells of the flattened domain and `cols` cells of the flattened codomain, in
    the order of `jax.tree.leaves` and, within a leaf, of C.

    Attributes:
        rows: `(entries,)` int64, index into the flattened domain v.
        cols: `(entries,)` int64, index into the flattened codomain u.
        values: `(entries,)` what stands there: int64, Python integers, float64 or complex128.
        shape: `(cells of the domain, cells of the codomain)` of the whole matrix.
    """

    rows: np.ndarray
    cols: np.ndarray
    values: np.ndarray
    shape: tuple[int, int]
