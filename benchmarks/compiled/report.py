"""Compiled legs and steps, as JSON and as a table."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import jax

from benchmarks.compiled.forms import COLUMNS
from benchmarks.markdown import Place, table
from benchmarks.timing import geometric_mean
from jaxdeconv.compilers.targets import find

__all__ = ["FLAX", "PLACE", "Record", "Report"]

PLACE = Place("compiled legs")

FLAX = "step K^T / Flax"
"""The training step of K^T, against that of `lax.conv_transpose` as Flax calls it."""


@dataclasses.dataclass(frozen=True)
class Record:
    """One form, compiled.

    Attributes:
        target: the device.
        case: the name of the convolution.
        column: of `COLUMNS`.
        who: 'stock', 'stock conv_transpose' or 'ours'.
        dtype: of the operands.
        seconds: predicted.
        launches: how many kernels.
        flops: of matrix products, multiplied zeros included.
        useful: those that the column needs.
        bytes: moved.
    """

    target: str
    case: str
    column: str
    who: str
    dtype: str
    seconds: float
    launches: int
    flops: float
    useful: float
    bytes: float


@dataclasses.dataclass(frozen=True)
class Report:
    """Forms, compiled for one device.

    Attributes:
        records: in any order.
    """

    records: Sequence[Record]

    def ratios(self, dtype: str, column: str) -> dict[str, float]:
        """Predicted time of ours relative to stock's best form, by case.

        Args:
            dtype: of the operands.
            column: of `COLUMNS`, or `FLAX`.
        """
        real = "step K^T" if column == FLAX else column
        by_case: dict[str, dict[str, float]] = {}
        for one in self.records:
            if (one.dtype, one.column) == (dtype, real):
                by_case.setdefault(one.case, {})[one.who] = one.seconds
        found = {}
        for case, seconds in by_case.items():
            wanted = "stock conv_transpose" if column == FLAX else "stock"
            stock = [one for who, one in seconds.items() if who.startswith(wanted)]
            if stock:
                found[case] = seconds["ours"] / min(stock)
        return found

    def markdown(self, note: str) -> str:
        """Geometric means, and the largest ratio with its case.

        Args:
            note: which cases, and how many.
        """
        columns = (*COLUMNS, FLAX)
        rows = []
        for dtype in dict.fromkeys(one.dtype for one in self.records):
            means, largest = [f"{dtype}: mean"], [f"{dtype}: largest"]
            for column in columns:
                ratios = self.ratios(dtype, column)
                worst = max(ratios, key=ratios.__getitem__) if ratios else ""
                means.append(f"{geometric_mean(list(ratios.values())):.2f}" if ratios else "")
                largest.append(f"{ratios[worst]:.2f} ({worst})" if worst else "")
            rows += [means, largest]
        target = find(self.records[0].target)
        notes = [
            f"{target.name} ({target.kind}): compiled, not timed (jax {jax.__version__})",
            "ours / the faster of stock's forms, in predicted time; below 1 is faster than stock",
            note,
        ]
        return table(["", *columns], rows, 1, notes)

    def write_json(self, path: Path) -> None:
        """Write everything."""
        document = {
            "compiled, not timed": True,
            "jax": jax.__version__,
            "basis": find(self.records[0].target).basis,
            "records": [dataclasses.asdict(one) for one in self.records],
        }
        path.write_text(json.dumps(document, indent=0) + "\n")
