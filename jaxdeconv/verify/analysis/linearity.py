"""The verdict on a function's linearity, from the parts of its outputs.

'Linear' is meant of exact arithmetic: rounding, and integers that overflow, do not count.
"""

import dataclasses
from collections.abc import Sequence
from typing import Literal, TypeAlias

from jaxdeconv.verify.analysis.known import Known, Parts, grade, union

__all__ = ["Linearity", "verdict"]

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


_KINDS: dict[int, Kind] = {1: "real-linear", 2: "affine", 3: "non-linear", 4: "opaque"}

_REASONS = {
    "zero": "the result is zero for every argument",
    "linear": "every primitive on the way from the argument to the result is linear",
    "real-linear": "a complex conjugate or a real part is taken",
    "affine": "a constant is added that is not known to be zero",
    "non-linear": "the argument goes through a primitive that is not linear",
    "opaque": "the argument goes where nothing can be read",
}


def verdict(outs: Sequence[Known], complex_domain: bool, notes: Sequence[str]) -> Linearity:
    """One verdict for all outputs.

    Args:
        outs: what is known of them.
        complex_domain: whether the argument is complex, in a part at least.
        notes: remarks for the text.

    Returns:
        See `Linearity`.
    """
    parts = union(out.parts for out in outs)
    worst = max(outs, key=lambda out: grade(out.parts), default=Known(None))
    # A constant output beside a linear one is as bad as a constant that is added.
    blame = worst.blame if grade(parts) == grade(worst.parts) else None
    kind: Kind = _KINDS.get(grade(parts), "linear")
    if parts == Parts.CONSTANT:
        kind = "affine"
    elif not parts:
        kind = "zero"
    elif kind == "real-linear" and not complex_domain:
        kind = "linear"
    primitive, source = (None, None) if kind in ("zero", "linear") or not blame else blame
    where = f": {primitive} at {source or 'an unknown line'}" if primitive else ""
    remarks = "".join(f"; {note}" for note in notes)
    return Linearity(kind, primitive, source, f"{kind}: {_REASONS[kind]}{where}{remarks}")
