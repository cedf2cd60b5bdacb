"""Tables in Markdown, and their places in a README: between two marks that are not displayed."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

__all__ = ["Place", "table"]


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], words: int, notes: Sequence[str]
) -> str:
    """A table, and a list of notes below it.

    Args:
        header: names of the columns.
        rows: their cells.
        words: the number of columns, from the left, that are not aligned right.
        notes: one line each.
    """
    rule = ["---"] * words + ["---:"] * (len(header) - words)
    lines = ["| " + " | ".join(row) + " |" for row in (header, rule, *rows)]
    return "\n".join([*lines, "", *(f"- {note}" for note in notes), ""])


@dataclasses.dataclass(frozen=True)
class Place:
    """Between `<!-- name -->` and `<!-- end of name -->`.

    Attributes:
        name: of the table.
    """

    name: str

    @property
    def marks(self) -> tuple[str, str]:
        """The lines before and after the table."""
        return f"<!-- {self.name} -->\n", f"<!-- end of {self.name} -->"

    def fits(self, path: Path) -> bool:
        """Whether `insert` can write there: a new file, or one that has both marks."""
        return not path.exists() or all(mark in path.read_text() for mark in self.marks)

    def insert(self, markdown: str, path: Path) -> None:
        """Replace the table between the marks; see `fits`."""
        start, end = self.marks
        old = path.read_text() if path.exists() else f"{start}{end}\n"
        before, _, rest = old.partition(start)
        path.write_text(f"{before}{start}{markdown}{end}{rest.partition(end)[2]}")
