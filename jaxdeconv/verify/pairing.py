"""A and At, as the user passes them, as maps of blocks whose spaces fit, over one ring.

Whatever the ring and the inner products are, one question remains: is a pair of maps each other's
Euclidean adjoint? A real At that gives complex numbers is a fault in the numbers, not in the
shapes: the domain becomes complex, A takes its real part, and At's imaginary part has to vanish.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from jaxdeconv.errors import ArgumentValueError
from jaxdeconv.verify.calls import Finding, check_rings
from jaxdeconv.verify.maps import Operator
from jaxdeconv.verify.spaces import Space
from jaxdeconv.verify.weights import Weights, weighted

__all__ = ["Inner", "Misfit", "Ring", "conjugated", "one", "operators"]

Function: TypeAlias = Callable[..., Any]
Inner: TypeAlias = tuple[Weights, Weights] | None
Ring: TypeAlias = Literal["reals"] | None


class Misfit(Finding):
    """At gives what is no member of A's domain."""

    name = "spaces"


def operators(
    A: Function,
    At: Function,
    domain: Any,
    codomain: Any = None,
    transpose: bool = False,
    parameters: tuple[Any, ...] = (),
    over: Ring = None,
    inner: Inner = None,
) -> tuple[Operator, Operator]:
    """A and At as maps of blocks; arguments as in `adjoint`.

    Raises:
        Misfit: At gives what is no member of the domain.
        ValueError: A gives what is no member of the codomain, or weights are wrong.
    """
    if over not in (None, "reals"):
        raise ArgumentValueError("over must be 'reals' or None", "Leave it out.", over=over)
    if inner is not None:
        A, At = weighted(A, At, inner)
    v_space = Space.of(domain, "domain")
    forward = Operator.of("A", A, v_space, parameters)
    u_space = forward.codomain if codomain is None else Space.of(codomain, "codomain")
    if not forward.codomain.fits(u_space) or forward.codomain.kind != u_space.kind:
        raise ArgumentValueError(
            "A must give members of the codomain",
            f"Let A return {u_space}.",
            result=forward.codomain,
            codomain=u_space,
        )
    check_rings(v_space, u_space)
    real = over == "reals" or len(set(_are_complex(v_space) + _are_complex(u_space))) > 1
    fun = conjugated(At) if real and transpose else At
    backward = Operator.of("At", fun, u_space, parameters)
    _check_fit(backward.codomain, v_space)
    if _are_complex(backward.codomain) != _are_complex(v_space):
        A, At, domain = _embedded(A, At, v_space, backward.codomain)
        return operators(A, At, domain, codomain, transpose, parameters, "reals" if real else over)
    return (_realified(forward), _realified(backward)) if real else (forward, backward)


def one(name: str, fun: Function, domain: Any, over: Ring = None) -> Operator:
    """A single function as a map of blocks.

    Raises:
        ValueError: the function raises, or takes integers and gives floats.
    """
    operator = Operator.of(name, fun, Space.of(domain, "domain"))
    return _realified(operator) if over == "reals" else operator.over_one_ring()


def conjugated(fun: Function) -> Function:
    """Conj after fun after conj: the adjoint, where fun is a transpose, and the other way round."""

    def conjugate(tree: Any) -> Any:
        return jax.tree.map(lambda leaf: leaf.conj(), tree)

    return lambda *arguments: conjugate(fun(*arguments[:-1], conjugate(arguments[-1])))


def _check_fit(found: Space, wanted: Space) -> None:
    """What At gives must have the structure and the kind of numbers of the domain."""
    kinds = {found.kind, wanted.kind}
    if not found.fits(wanted) or ("integer" in kinds and len(kinds) > 1):
        raise Misfit(f"At gives {found}, which is no member of the domain {wanted}")


def _are_complex(space: Space) -> list[bool]:
    return [bool(jnp.issubdtype(leaf.dtype, jnp.complexfloating)) for leaf in space.leaves]


def _realified(operator: Operator) -> Operator:
    """Complex cells as two real ones; nothing changes where there are none."""
    if operator.domain.kind == "integer":
        return operator
    domain, codomain = operator.domain.realified(), operator.codomain.realified()
    return dataclasses.replace(operator, domain=domain, codomain=codomain)


def _embedded(
    A: Function, At: Function, domain: Space, found: Space
) -> tuple[Function, Function, Any]:
    """The same pair on complex leaves wherever the domain has them or At gives them.

    Returns:
        A after the real part on leaves that were real, At with complex results, and the domain.
    """
    dtypes = [_joint(*pair) for pair in zip(domain.leaves, found.leaves, strict=True)]

    def project(member: Any) -> Any:
        leaves = zip(jax.tree.leaves(member), domain.leaves, strict=True)
        parts = [
            x if jnp.issubdtype(leaf.dtype, jnp.complexfloating) else x.real.astype(leaf.dtype)
            for x, leaf in leaves
        ]
        return jax.tree.unflatten(domain.treedef, parts)

    def embed(member: Any) -> Any:
        leaves = [
            x.astype(dtype) if jnp.issubdtype(dtype, jnp.complexfloating) else x
            for x, dtype in zip(jax.tree.leaves(member), dtypes, strict=True)
        ]
        return jax.tree.unflatten(domain.treedef, leaves)

    shapes = [leaf.shape for leaf in domain.leaves]
    example = np.zeros if domain.numpy else jax.ShapeDtypeStruct
    larger = [example(shape, dtype) for shape, dtype in zip(shapes, dtypes, strict=True)]
    return (
        lambda *arguments: A(*arguments[:-1], project(arguments[-1])),
        lambda *arguments: embed(At(*arguments)),
        jax.tree.unflatten(domain.treedef, larger),
    )


def _joint(wanted: Any, found: Any) -> np.dtype:
    """The domain's dtype, made complex where At gives complex numbers."""
    is_complex = jnp.issubdtype(found.dtype, jnp.complexfloating)
    if not is_complex or jnp.issubdtype(wanted.dtype, jnp.complexfloating):
        return wanted.dtype
    return np.dtype(np.complex128 if wanted.dtype == np.float64 else np.complex64)
