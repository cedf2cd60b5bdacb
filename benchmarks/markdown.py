"""A table's place in a README: between two marks that a reader does not see."""

import dataclasses
from pathlib import Path

__all__ = ["Place"]


@dataclasses.dataclass(frozen=True)
class Place:
    """Between `<!-- name -->` and `<!-- end of name -->`.

    Attributes:
        name: of the table.
    """

    name: str

    @property
    def marks(self) -> tuple[str, str]:
        """What stands before and behind the table."""
        return f"<!-- {self.name} -->\n", f"<!-- end of {self.name} -->"

    def fits(self, path: Path) -> bool:
        """Whether `insert` would write there: to a new file, or between the marks of an old one."""
        return not path.exists() or all(mark in path.read_text() for mark in self.marks)

    def insert(self, markdown: str, path: Path) -> None:
        """Put the table where it belongs; see `fits`."""
        start, end = self.marks
        old = path.read_text() if path.exists() else f"{start}{end}\n"
        before, _, rest = old.partition(start)
        path.write_text(f"{before}{start}{markdown}{end}{rest.partition(end)[2]}")
