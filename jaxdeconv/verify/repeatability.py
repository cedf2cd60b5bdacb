"""What must hold before anything is measured: the same result twice, and no narrower dtypes."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxdeconv.verify.floats import tamed
from jaxdeconv.verify.maps import Operator
from jaxdeconv.verify.precision import error_bound
from jaxdeconv.verify.probes import Probes
from jaxdeconv.verify.report import Evidence
from jaxdeconv.verify.spaces import Space

__all__ = ["dtypes", "repeatable"]


def repeatable(operator: Operator, probes: Probes) -> tuple[Evidence, Operator]:
    """The function as it is, called twice, and compiled and batched, must agree up to rounding.

    Returns:
        The evidence, and the operator to use from here on. Where only the batched answer differs,
        `jax.vmap` of the function is another map, and it is applied one vector at a time.
    """
    name = f"repeatable: {operator.name}"
    vector = probes.modest(operator.domain, 1)
    if operator.domain.kind != "integer":
        vector = tamed(operator, vector)
    first, second = operator.plain(vector[0]), operator.plain(vector[0])
    allowed: np.ndarray | float = 0.0
    if operator.domain.kind != "integer":
        allowed = 2 * error_bound(operator, vector, first[None])[0]
    if _differ(first, second, allowed):
        cell = int(np.argmax(np.abs(first - second)))
        text = (
            f"two calls with the same argument differ at {operator.codomain.where(cell)}: "
            f"{first[cell]} and {second[cell]}"
        )
        return Evidence(name, "input", "fail", text), operator
    if not operator.traceable:
        return Evidence(name, "input", "pass", "two calls agree"), operator
    batched = operator.batched(np.repeat(vector, min(2, operator.lanes), axis=0))
    if batched is not None and not _differ(first, batched[-1], allowed):
        text = "two calls agree, and the compiled and batched function with them"
        return Evidence(name, "input", "pass", text), operator
    operator = operator.one_by_one()
    if _differ(first, operator(vector)[0], allowed):
        return Evidence(name, "input", "fail", "jax.jit of it is another map"), operator
    fault = "is impossible" if batched is None else "is another map"
    text = f"two calls and the compiled one agree; jax.vmap of it {fault} and is not used"
    return Evidence(name, "input", "pass", text), operator


def dtypes(domain: Space, found: Space) -> list[Evidence]:
    """Evidence on the dtypes where At gives others than A takes; a failure if they are narrower."""
    if found.leaves == domain.leaves:
        return []
    with jax.numpy_dtype_promotion("standard"):
        narrower = any(
            jnp.promote_types(had.dtype, wanted.dtype) != had.dtype
            for had, wanted in zip(found.leaves, domain.leaves, strict=True)
        )
    text = f"At gives {found} where the domain is {domain}"
    return [Evidence("dtypes", "precision", "fail" if narrower else "pass", text)]


def _differ(x: np.ndarray, y: np.ndarray, allowed: np.ndarray | float) -> bool:
    return bool((np.abs(x - y) > allowed).any())
