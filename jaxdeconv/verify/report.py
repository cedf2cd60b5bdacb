"""What a verification found: its lines of evidence, and the verdict."""

import dataclasses
import json
import textwrap
from typing import Literal, TypeAlias

__all__ = ["AdjointMismatch", "Evidence", "Report", "Status", "Subject"]

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
        detection_limit: the smallest wrong entry that is seen, relative to the largest entry; 0
            where every error is.
        forward: applications of A.
        backward: applications of At.
        seconds: time taken.
        caveat: what limits the evidence, in a few words; or ''.
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


@dataclasses.dataclass(frozen=True)
class Report:
    """The verdict on a pair, on a function's linearity or its variants, with its evidence.

    Attributes:
        question: what was asked.
        evidence: in the order in which it was gathered.
        seed: pass it as `key` to repeat all probes.
        place: on failure, a wrong entry; else ''.
        cause: on failure, the cause if one is known, under its name in `diagnose.Cause`; else ''.
        certain: whether no other known cause explains what was found.
        explanation: the diagnosis in words.
    """

    question: str
    evidence: tuple[Evidence, ...]
    seed: int
    place: str = ""
    cause: str = ""
    certain: bool = False
    explanation: str = ""

    @property
    def status(self) -> Status:
        """'fail' if any evidence fails, 'pass' if every subject passes.

        One kind of evidence for the structure is enough, and a variant need not be applicable.
        """
        verdicts = [self.verdict(about) for about in self._subjects()]
        if "fail" in verdicts:
            return "fail"
        proved = self._asked() in self._subjects() and set(verdicts) == {"pass"}
        return "pass" if proved else "inconclusive"

    def verdict(self, about: str) -> Status:
        """On one subject alone, as in `Evidence.about`.

        Raises:
            KeyError: no evidence is about it.
        """
        found = {line.status for line in self.evidence if line.about == about}
        if not found:
            raise KeyError(about)
        if "fail" in found:
            return "fail"
        one_is_enough = about in ("structure", "identity", "variant")
        enough = "pass" in found if one_is_enough else found == {"pass"}
        return "pass" if enough else "inconclusive"

    @property
    def ok(self) -> bool:
        """Whether the verdict is a pass; 'inconclusive' is not one."""
        return self.status == "pass"

    def raise_for_status(self) -> None:
        """Raise unless the verdict is a pass.

        Raises:
            AdjointMismatch: the report failed or is inconclusive.
        """
        if not self.ok:
            raise AdjointMismatch(self)

    def _asked(self) -> str:
        return _ASKED.get(self.question, "structure")

    def _subjects(self) -> list[str]:
        return list(dict.fromkeys(line.about for line in self.evidence))

    def _in_words(self, about: str) -> str:
        caveats = [line.caveat for line in self.evidence if line.about == about and line.caveat]
        return f"{about} {self.verdict(about)}" + (f" ({'; '.join(caveats)})" if caveats else "")

    def of(self, name: str) -> Evidence:
        """The evidence of that name.

        Raises:
            KeyError: there is none.
        """
        for line in self.evidence:
            if line.name == name:
                return line
        raise KeyError(name)

    @property
    def forward(self) -> int:
        """Applications of A, all evidence together."""
        return sum(line.forward for line in self.evidence)

    @property
    def backward(self) -> int:
        """Applications of At, all evidence together."""
        return sum(line.backward for line in self.evidence)

    def to_json(self) -> str:
        """The report as a JSON text, an object with the verdict and a list of evidence."""
        content = {
            "question": self.question,
            "status": self.status,
            "verdicts": {about: self.verdict(about) for about in self._subjects()},
            "ok": self.ok,
            "seed": str(self.seed),
            "place": self.place,
            "cause": self.cause,
            "certain": self.certain,
            "explanation": self.explanation,
            "forward": self.forward,
            "backward": self.backward,
            "evidence": [dataclasses.asdict(line) for line in self.evidence],
        }
        return json.dumps(content, indent=2)

    def __str__(self) -> str:
        seconds = sum(line.seconds for line in self.evidence)
        head = (
            f"{self.question}: {self.status.upper()}   "
            f"{self.forward} A + {self.backward} At in {seconds:.2g} s, key={self.seed}"
        )
        verdicts = ", ".join(map(self._in_words, self._subjects()))
        rows = [_HEADER, *map(_row, self.evidence)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [head, f"  {verdicts}"]
        for number, row in enumerate(rows):
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            lines.append("  " + "  ".join(cells).rstrip())
            if number:
                lines += _wrapped(self.evidence[number - 1].text)
        lines += [f"diagnosis: {self.explanation}"] if self.explanation else []
        return "\n".join(lines)

    __repr__ = __str__  # what a notebook shows


class AdjointMismatch(AssertionError):
    """The pair was not shown to be each other's adjoint; the text is the report.

    Attributes:
        report: the `Report`.
    """

    def __init__(self, report: Report) -> None:
        super().__init__(str(report))
        self.report = report


_ASKED: dict[str, Subject] = {
    "linear": "linearity",
    "variants": "variant",
    "equal": "identity",
    "unitary": "identity",
    "projection": "identity",
    "positive": "positivity",
    "derivative": "derivative",
}
"""The subject that a question is about; the structure if it is not here."""

_HEADER = ("evidence", "about", "status", "P(wrong passes)", "smallest seen", "A", "At", "s")


def _row(line: Evidence) -> tuple[str, ...]:
    return (
        line.name,
        line.about,
        line.status,
        _number(line.false_acceptance),
        _number(line.detection_limit),
        str(line.forward),
        str(line.backward),
        f"{line.seconds:.2g}",
    )


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return "0" if value == 0 else f"{value:.1e}"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 96, initial_indent="      ", subsequent_indent="      ")
