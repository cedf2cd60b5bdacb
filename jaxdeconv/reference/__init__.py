"""The definition of the three legs, and its independent re-derivations.

Slow, obvious, never optimised: all fast algorithms are tested against this package. All functions
here take canonical arrays (channels last, exactly one batch axis) and a `ConvGeometry`:

    v [batch, *input_size, in]     u [batch, *output_size, out]     w [*kernel, in/groups, out]

| leg | module | what it is |
|---|---|---|
| K | `forward` | `jax.lax.conv_general_dilated`: what K means |
| K^T, G | `derived` | `jax.linear_transpose` and `jax.vjp` of K: THE SPECIFICATION |
| K^T | `dilated` | by hand: dilate u, pad, flip w, swap channels, convolve |
| K^T | `scatter` | by hand: add the kernel to the result, stride by stride (overlap-add) |
| K^T | `probing` | <u, K delta> for every unit vector delta |
| K, K^T, G | `coordinates` | the matrix entry by entry, NumPy, from the index relation alone |
| K, K^T | `loops` | textbook loops over output positions, NumPy |
"""

from collections.abc import Callable
from typing import Any

from jaxdeconv.geometry import ConvGeometry
from jaxdeconv.reference import coordinates, derived, dilated, forward, loops, probing, scatter

__all__ = [
    "CONVS",
    "TRANSPOSES",
    "coordinates",
    "derived",
    "dilated",
    "forward",
    "loops",
    "probing",
    "scatter",
]

Implementation = Callable[[Any, Any, ConvGeometry], Any]

CONVS: dict[str, Implementation] = {
    "lax convolution": forward.conv,
    "sum of taps": forward.conv_by_taps,
    "coordinates": coordinates.conv,
    "loops": loops.conv,
}
"""All implementations of K v, as (v, w, geometry) -> u; the first is the definition."""

TRANSPOSES: dict[str, Implementation] = {
    "linear_transpose": derived.transpose,
    "vjp": derived.transpose_by_vjp,
    "dilated input": dilated.transpose,
    "overlap-add": scatter.transpose,
    "probing": probing.transpose,
    "coordinates": coordinates.transpose,
    "loops": loops.transpose,
}
"""All implementations of K^T u, as (u, w, geometry) -> v; the first is the specification."""
