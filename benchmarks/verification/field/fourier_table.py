"""The table of circulants and MRI by size: what was said of each pair, and how fast."""

from typing import ClassVar

from benchmarks.machine import one_line
from benchmarks.markdown import Place, table
from benchmarks.verification.checkers import Verdict
from benchmarks.verification.field.operator import RIGHT
from benchmarks.verification.field.table import FieldResults
from benchmarks.verification.field.trial import CHECKERS

__all__ = ["FourierResults"]

_WORDS = {"inconclusive": "undecided"}


class FourierResults(FieldResults):
    """A run over the kinds of `fourier_operators`; `size` of a record holds the kind."""

    place: ClassVar[Place] = Place("fourier")

    def markdown(self) -> str:
        """One row per pair, one column per size."""
        sizes = sorted({record.cells for record in self.records})
        rows: dict[tuple[str, str], dict[int, Verdict]] = {}
        for record in self.records:
            row = rows.setdefault((record.size, record.fault or RIGHT), {})
            row[record.cells] = record.verdicts[CHECKERS[0]]
        header = ["operator", "adjoint", *(_power(n) for n in sizes)]
        lines = [[*names, *(_cell(row.get(n)) for n in sizes)] for names, row in rows.items()]
        notes = ["the verdict and its seconds, compilation included", one_line(self.machine)]
        return table(header, lines, 2, notes)


def _power(n: int) -> str:
    exact = n == 2 ** (n.bit_length() - 1)
    return f"2^{n.bit_length() - 1} cells" if exact else f"{n} cells"


def _cell(verdict: Verdict | None) -> str:
    if verdict is None:
        return ""
    return f"{_WORDS.get(verdict.status, verdict.status)} {verdict.seconds:.2g}"
