"""What a verification found: the verdict and its evidence, and how both are printed.

`str` is for the reader of a test's output: one sentence for a pass; the place, the cause and the
size of a failure. `Report.details` has every line of evidence.
"""

import dataclasses
import json
import math

from jaxdeconv.verify import wording
from jaxdeconv.verify.evidence import Evidence as Evidence
from jaxdeconv.verify.evidence import Status as Status
from jaxdeconv.verify.evidence import Subject as Subject

__all__ = ["AdjointMismatch", "Evidence", "Report", "Status", "Subject"]


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
        explanation: the cause in words, and the other causes that fit as well, a line each.
        size: on failure, |At - A^T| / |A| in the Frobenius norm, if known.
    """

    question: str
    evidence: tuple[Evidence, ...]
    seed: int
    place: str = ""
    cause: str = ""
    certain: bool = False
    explanation: str = ""
    size: float | None = None

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
            "size": self.size if self.size is None or math.isfinite(self.size) else None,
            "forward": self.forward,
            "backward": self.backward,
            "evidence": [dataclasses.asdict(line) for line in self.evidence],
        }
        return json.dumps(content, indent=2)

    def __str__(self) -> str:
        if self.status == "pass":
            return wording.passed(self.question, self.evidence, self._cost())
        if self.status == "inconclusive":
            undecided = [a for a in self._subjects() if self.verdict(a) == "inconclusive"]
            undecided = undecided or [self._asked()]
            return wording.undecided(self.question, self.evidence, undecided, self._cost())
        found = wording.Found(self.place, self.explanation, self.size)
        return wording.failed(self.question, self.evidence, found, self._cost())

    __repr__ = __str__  # what a notebook shows

    def details(self) -> str:
        """All evidence as a table, with what was done and found in each step.

        Returns:
            The verdict on each subject, and three columns of every line of evidence to judge it
            by: the chance that a wrong pair passes, the smallest wrong entry that it sees
            (relative to the largest of its row and column), and the applications of A and At.

        Example:
            >>> from jaxdeconv.verify import Evidence, Report
            >>> equal = Evidence("exact", "structure", "pass", "all equal", 4.7e-10, 0.0, 8, 8)
            >>> print(Report("adjoint", (equal,), seed=17).details())
            adjoint: PASS. 8 A + 8 At, 0 s, key=17
              structure pass
              evidence  about      status  P(wrong passes)  smallest seen  A  At  s
              exact     structure  pass    4.7e-10          0              8  8   0
                  all equal
        """
        verdicts = ", ".join(f"{about} {self.verdict(about)}" for about in self._subjects())
        lines = [f"{self.question}: {self.status.upper()}. {self._cost()}", f"  {verdicts}"]
        lines += [f"  {caveat}" for caveat in wording.caveats(self.evidence)]
        lines += [f"  at {self.place}"] if self.place else []
        lines += [f"  {self.explanation}"] if self.explanation else []
        return "\n".join((*lines, *wording.table(self.evidence)))

    def _cost(self) -> str:
        seconds = sum(line.seconds for line in self.evidence)
        applied = f"{self.forward} A + {self.backward} At"
        return f"{applied}, {wording.duration(seconds)}, key={self.seed}"


class AdjointMismatch(AssertionError):
    """The pair was not shown to be each other's adjoint; the text is the report.

    Its first line has the place and the cause, which test runners show in their summaries.

    Attributes:
        report: the `Report`.
    """

    __module__ = "jaxdeconv.verify"  # a shorter name leaves a summary room for the place

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
