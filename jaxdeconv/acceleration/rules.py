"""Derivatives and batched forms of accelerated convolutions: those of the program, accelerated."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.interpreters import ad, batching

from jaxdeconv.acceleration.accelerated import accelerated_p, bind, fast
from jaxdeconv.acceleration.excerpt import Excerpt
from jaxdeconv.acceleration.platforms import Platforms
from jaxdeconv.acceleration.rewrite import rewrite
from jaxdeconv.acceleration.staging import stage

__all__ = ["applied"]


def applied(fun: Any, args: Any, platforms: Platforms) -> Any:
    """Apply a function of arrays, accelerated."""
    staged = stage(fun, args, {})
    return staged.result(rewrite(staged.jaxpr, platforms, staged.constant))


def _transpose(
    cotangent: Any, x: Any, y: Any, *, excerpt: Excerpt, platforms: Platforms, **_: Any
) -> tuple[Any, Any]:
    """Transpose of an excerpt that is linear in exactly one of x and y."""
    which = 0 if ad.is_undefined_primal(x) else 1
    asked, fixed = ((x, y), (y, x))[which]
    aval = asked.aval.update(dtype=excerpt.dtypes[which])  # not the tangent's, of integers
    result: Any
    if isinstance(cotangent, ad.Zero):
        result = ad.Zero(asked.aval)
    else:
        # JAX's own rule for a convolution of integers drops the cotangent
        inexact = jnp.issubdtype(aval.dtype, jnp.inexact)
        compute = excerpt if inexact else fast(excerpt, "cpu")

        def transposed(cotangent: Array, fixed: Array) -> Array:
            forward = lambda z: compute(*((z, fixed), (fixed, z))[which])  # noqa: E731
            return jax.linear_transpose(forward, aval)(cotangent)[0]

        result = applied(transposed, (cotangent, fixed), platforms)
    return (result, None) if which == 0 else (None, result)


def _batch(
    args: Any, dims: Any, *, excerpt: Excerpt, platforms: Platforms, **_: Any
) -> tuple[Array, int]:
    size = next(x.shape[d] for x, d in zip(args, dims, strict=True) if d is not None)
    if size == 0:
        last = excerpt.steps[-1]
        return jnp.zeros((0, *last.shape), last.dtype), 0
    return applied(jax.vmap(excerpt, tuple(dims)), args, platforms), 0


ad.defjvp(
    accelerated_p,
    lambda tangent, _, y, **params: bind(tangent, y, **params),
    lambda tangent, x, _, **params: bind(x, tangent, **params),
)
ad.primitive_transposes[accelerated_p] = _transpose
batching.primitive_batchers[accelerated_p] = _batch
