"""Is a function linear? Read from its jaxpr, and if not, which line of its source breaks it.

Every variable of the jaxpr is typed by the `Parts` that its value may have: constant, linear,
conjugate-linear, anything else. The typing is sound and not complete: 'linear' and 'zero' are
proofs; the other verdicts say that no proof was found, and where it ended.

'Linear' is meant of exact arithmetic: rounding, and integers that overflow, do not count.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np

from jaxdeconv.verify import jaxprs
from jaxdeconv.verify.linearity_rules import Parts, union
from jaxdeconv.verify.linearity_types import Type, Typing, argument, grade

__all__ = ["Linearity", "classify"]

Kind: TypeAlias = Literal["zero", "linear", "real-linear", "affine", "non-linear", "opaque"]


@dataclasses.dataclass(frozen=True)
class Linearity:
    """What is known of a function's linearity.

    Attributes:
        kind: 'zero' and 'linear' (over the complex numbers if the domain is complex) are proved;
            'real-linear' (proved) means linear over the reals, perhaps not over the complex
            numbers; 'affine' that a constant is added that is not known to be zero; 'non-linear'
            that the argument goes through a primitive that is not linear; 'opaque' that it goes
            where nothing can be read.
        primitive: that takes the last proved property away, or None.
        source: where the user wrote it, 'file:line (function)', or None.
        text: all of it in a sentence.
    """

    kind: Kind
    primitive: str | None
    source: str | None
    text: str


def classify(fun: Callable[[Any], Any], domain: Any) -> Linearity:
    """Type a function as zero, linear, real-linear, affine, non-linear or opaque.

    Args:
        fun: of one argument, a pytree of arrays.
        domain: that argument, as a pytree of `jax.ShapeDtypeStruct` or arrays.

    Returns:
        The verdict; see `Linearity`. A function that JAX cannot trace is opaque.

    Cost: one trace; parts of the function that do not depend on its argument are computed once.

    Example:
        >>> import jax
        >>> v = jax.ShapeDtypeStruct((3,), np.float32)
        >>> classify(lambda v: v[::-1] - 2 * v, v).kind
        'linear'
        >>> classify(lambda v: v + 1, v).kind
        'affine'
    """
    try:
        jaxpr, _ = jaxprs.trace(fun, domain)
    except jaxprs.Untraceable as reason:
        text = f"opaque: the function cannot be traced by JAX ({reason})"
        return Linearity("opaque", None, None, text)
    typing = Typing()
    outs = typing.program(jaxpr, [argument(aval.dtype) for aval in jaxpr.in_avals])
    complex_domain = any(np.issubdtype(aval.dtype, np.complexfloating) for aval in jaxpr.in_avals)
    return _verdict(_merged(outs), complex_domain, typing.notes)


# --- verdict

_KINDS: dict[int, Kind] = {1: "real-linear", 2: "affine", 3: "non-linear", 4: "opaque"}

_REASONS = {
    "zero": "the result is zero for every argument",
    "linear": "every primitive on the way from the argument to the result is linear",
    "real-linear": "a complex conjugate or a real part is taken",
    "affine": "a constant is added that is not known to be zero",
    "non-linear": "the argument goes through a primitive that is not linear",
    "opaque": "the argument goes where nothing can be read",
}


def _merged(outs: Sequence[Type]) -> Type:
    """One type for all outputs; a constant output is as bad as an added constant."""
    worst = max(outs, key=lambda x: grade(x.parts), default=Type(Parts.ZERO))
    parts = union(out.parts for out in outs)
    return Type(parts, worst.blame if grade(parts) == grade(worst.parts) else None)


def _verdict(merged: Type, complex_domain: bool, notes: Sequence[str]) -> Linearity:
    kind: Kind = _KINDS.get(grade(merged.parts), "linear")
    if merged.parts == Parts.CONSTANT:
        kind = "affine"
    elif not merged.parts:
        kind = "zero"
    elif kind == "real-linear" and not complex_domain:
        kind = "linear"
    proved = kind in ("zero", "linear")
    primitive, source = (None, None) if proved or not merged.blame else merged.blame
    where = f": {primitive} at {source or 'an unknown line'}" if primitive else ""
    remarks = "".join(f"; {note}" for note in notes)
    return Linearity(kind, primitive, source, f"{kind}: {_REASONS[kind]}{where}{remarks}")
