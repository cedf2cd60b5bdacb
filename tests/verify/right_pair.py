"""A small right pair: differences of neighbours, and their adjoint by hand."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

S = jax.ShapeDtypeStruct
V = S((5,), np.float32)


def differences(v: Any) -> Any:
    return v[1:] - v[:-1]


def gathered(u: Any) -> Any:
    return jnp.pad(u, (1, 0)) - jnp.pad(u, (0, 1))
