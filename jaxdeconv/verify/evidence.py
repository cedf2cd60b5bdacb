"""One kind of evidence, and what it is about."""

import dataclasses
from typing import Literal, TypeAlias

__all__ = ["Evidence", "Status", "Subject"]

Status: TypeAlias = Literal["pass", "fail", "inconclusive"]

Subject: TypeAlias = Literal[
    "input",
    "linearity",
    "structure",
    "precision",
    "variant",
    "identity",
    "positivity",
    "derivative",
]


@dataclasses.dataclass(frozen=True)
class Evidence:
    """One kind of evidence.

    Attributes:
        name: of the evidence.
        about: what it is about: 'input', 'linearity', 'structure', 'precision', 'variant',
            'identity' (two maps are one), 'positivity' or 'derivative'.
        status: 'pass', 'fail', or 'inconclusive': it could not have seen a fault.
        text: what was done and found, in words.
        false_acceptance: bound on the chance that a wrong pair passes; None where none is known.
        detection_limit: the smallest wrong entry that is seen, relative to the largest of its row
            and column; 0 where every error is.
        forward: applications of A.
        backward: applications of At.
        seconds: time taken.
        caveat: what limits the evidence, in a few words whose first is the subject; or ''.
        entries: rows and columns of the matrix, if all of its entries were compared.
        wrong: how many of these differ.
        remedy: what would decide it, as a sentence, where it is inconclusive; or ''.
    """

    name: str
    about: Subject
    status: Status
    text: str
    false_acceptance: float | None = None
    detection_limit: float | None = None
    forward: int = 0
    backward: int = 0
    seconds: float = 0.0
    caveat: str = ""
    entries: tuple[int, int] | None = None
    wrong: int = 0
    remedy: str = ""
