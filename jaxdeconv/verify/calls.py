"""How a function can be called, which is found by trying: compiled, as it is, with NumPy arrays.

And what is found when it is called.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import jax
import numpy as np

from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError
from jaxdeconv.verify.analysis import Magnitude, Traced, Untraceable, trace
from jaxdeconv.verify.spaces import Space

__all__ = ["Count", "Finding", "Mode", "NotFinite", "Overwritten", "Rounding", "check_rings"]
__all__ += ["compiled", "first_contact", "first_line", "raised", "struct"]

Mode: TypeAlias = Literal["vmap", "loop", "eager", "numpy"]


class Finding(ArithmeticError):
    """What ends a verification as a failure; the text says what was found."""

    name = ""


class NotFinite(Finding):
    """A result holds NaN or infinity."""

    name = "finite"


class Overwritten(Finding):
    """A function wrote into its argument."""

    name = "argument"


@dataclasses.dataclass
class Count:
    """Applications of a function so far, one per vector.

    Attributes:
        total: how many.
        seconds: that the last one took which was called as the user would.
    """

    total: int = 0
    seconds: float = 0.0


@dataclasses.dataclass(frozen=True)
class Rounding:
    """What is known of the rounding of a function.

    Attributes:
        bits: of the significand that its narrowest sums are formed in.
        magnitude: |A| derived from the jaxpr, or None where something cannot be bounded.
        reason: why `magnitude` is None.
    """

    bits: int
    magnitude: Magnitude | None
    reason: str = ""


def compiled(
    fun: Callable[..., Any], traced: Traced | None, parameters: int
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The function of one member of its domain, and of a block of them; as it is if not traced."""
    if traced is None:
        return fun, fun
    axes = (None, *(None for _ in range(parameters)), 0)
    one, many = jax.jit(traced), jax.jit(jax.vmap(traced, in_axes=axes))
    constants = traced.jaxpr.consts
    return functools.partial(one, constants), functools.partial(many, constants)


def first_contact(
    name: str, fun: Callable[..., Any], domain: Space, parameters: tuple[Any, ...]
) -> tuple[Mode, Any, Traced | None]:
    """How the function can be called, an example (or the shape) of its result, and its jaxpr.

    Code that looks at the type of its argument may be one map for NumPy and another for JAX: where
    the example is NumPy's and the result is too, it is not traced.
    """
    zeros = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), domain.tree)
    if domain.numpy:
        try:
            example = fun(*parameters, zeros)
        except Exception:  # a function of JAX may refuse NumPy's arrays
            example = None
        leaves = jax.tree.leaves(example)
        if leaves and all(isinstance(leaf, np.ndarray | np.generic) for leaf in leaves):
            return "numpy", example, None
    try:
        structs = jax.tree.map(struct, parameters)
        traced = trace(fun, domain.tree, structs)
        _check_widths(name, domain)
        return "vmap", traced.codomain, traced
    except Untraceable as error:
        cause = error.__cause__
        if isinstance(cause, ArgumentTypeError | ArgumentValueError):
            raise cause from None

    def placed(member: Any) -> Any:
        _check_widths(name, domain)
        return domain.place(member, False)

    ways: tuple[tuple[Mode, Callable[[Any], Any]], ...]
    ways = (("eager", placed), ("numpy", lambda member: member))
    for mode, place in ways:
        try:
            example = jax.tree.map(np.asarray, fun(*parameters, place(zeros)))
            return mode, example if mode == "numpy" else jax.tree.map(struct, example), None
        except Exception:  # NumPy may still take what JAX cannot
            continue
    assert isinstance(cause, Exception)
    raise raised(name, domain, cause) from cause


def _check_widths(name: str, domain: Space) -> None:
    """JAX must be able to hold the domain: in 32-bit mode it has no float64."""
    for leaf in domain.leaves:
        if jax.dtypes.canonicalize_dtype(leaf.dtype) != leaf.dtype:
            raise ArgumentValueError(
                f"the dtypes that {name} takes must exist in JAX's current mode",
                "Enable jax_enable_x64, or pass 32-bit dtypes.",
                dtype=str(leaf.dtype),
            )


def raised(name: str, domain: Space, error: Exception) -> ArgumentValueError:
    """What a user is told of an error that the function raised."""
    return ArgumentValueError(
        f"{name} must accept the members of its domain",
        f"It raised {type(error).__name__}: {first_line(error)}",
        argument=domain,
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


def struct(leaf: Any) -> jax.ShapeDtypeStruct:
    """Shape and dtype of an array."""
    return jax.ShapeDtypeStruct(np.shape(leaf), leaf.dtype)


def first_line(error: Exception) -> str:
    """The first line of an error's text."""
    return (str(error).strip().splitlines() or ["(no text)"])[0]
