"""The causes that a diagnosis can name, and the form of a guess."""

import dataclasses
import enum

from jaxdeconv.verify.diagnose.sparse import Sparse

__all__ = ["Cause", "Diagnosis", "Guess", "Suspect"]


class Cause(enum.StrEnum):
    """The faults that a diagnosis knows, in words that fit any linear map."""

    ZERO = "zero map"
    IDENTITY = "identity"
    SIGN = "wrong sign"
    SCALE = "scale factor"
    CONJUGATE = "conjugate missing"
    LOST_DTYPE = "lost dtype"
    INVERSE = "inverse instead of transpose"
    FORWARD = "forward map instead of transpose"
    KERNEL_FLIP = "mirrored"
    PADDING_SIDE = "borders exchanged"
    SHIFT = "shifted"
    PERMUTED = "slices permuted"
    SWAPPED_AXES = "axes swapped"
    SPACING = "step or spacing wrong"
    STRIDE_PHASE = "phases permuted or missing"
    OUTPUT_PADDING = "last cells missing"
    CROPPED_BORDER = "border cropped instead of folded back"
    DROPPED_BORDER = "dropped border"
    DEVICES = "equal parts summed wrongly"
    MISSING_LEAF = "leaf missing or exchanged"
    MISSING_SLICE = "slice missing"
    WRONG_TAP = "one diagonal wrong"
    MISSING_ENTRY = "missing entry"
    DUPLICATED = "counted twice"
    WRONG_ENTRY = "wrong entry"


@dataclasses.dataclass(frozen=True)
class Suspect:
    """A cause that reproduces what was found, with its sentence."""

    cause: Cause
    text: str


@dataclasses.dataclass(frozen=True)
class Diagnosis:
    """Why At is not the transpose of A, as far as its entries tell.

    Attributes:
        cause: the likeliest cause, None where no known one fits.
        certain: the whole matrix is known, the cause alone turns the entries expected into those
            found, no other known cause does, and enough entries differ for this not to be chance.
            False means "it looks like it".
        text: a sentence with axes and numbers.
        alternatives: the other causes that fit as well; none where `certain`.
    """

    cause: Cause | None
    certain: bool
    text: str
    alternatives: tuple[Suspect, ...] = ()

    def __str__(self) -> str:
        if self.cause is None:
            return f"cause unknown: {self.text}"
        head = f"{'cause' if self.certain else 'likely cause'}: {self.cause} ({self.text})"
        others = "".join(f"\n  or {other.cause} ({other.text})" for other in self.alternatives)
        return head + others


@dataclasses.dataclass(frozen=True, eq=False)
class Guess:
    """A cause with the entries that it would give.

    Attributes:
        cause: the fault supposed.
        text: the sentence to print where it fits.
        predicted: the entries that At would have.
        slack: relative rounding allowed, for faults that compute with entries.
        repairs: whether undoing the fault gives the entries expected back. That holds for all that
            is predicted from these alone; where the entries found were looked at, it is checked.
    """

    cause: Cause
    text: str
    predicted: Sparse
    slack: float = 0.0
    repairs: bool = True
