"""The notebooks: each .ipynb is what its .py source gives, small, and executes without error."""

import re
from pathlib import Path

import nbformat
import pytest

from notebooks import build

SOURCES = build.sources()
LARGEST = 150_000  # bytes


def _stored(source: Path) -> nbformat.NotebookNode:
    return nbformat.read(source.with_suffix(".ipynb"), as_version=4)


def _texts(notebook: nbformat.NotebookNode) -> list[str | None]:
    """What every code cell prints, in words: no pictures."""
    return [
        output.text if output.output_type == "stream" else output.data.get("text/plain")
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    ]


def test_there_are_notebooks() -> None:
    assert [source.name[:3] for source in SOURCES][:2] == ["01_", "02_"]


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
class TestStoredNotebook:
    def test_pair_says_the_same(self, source: Path) -> None:
        """If not: `python notebooks/build.py`."""
        expected = build.read_source(source)
        stored = _stored(source)
        assert stored.metadata == expected.metadata
        assert [(cell.id, cell.cell_type, cell.source) for cell in stored.cells] == [
            (cell.id, cell.cell_type, cell.source) for cell in expected.cells
        ]

    def test_is_small(self, source: Path) -> None:
        assert source.with_suffix(".ipynb").stat().st_size <= LARGEST

    def test_has_figures(self, source: Path) -> None:
        data = [
            output.get("data", {}) for c in _stored(source).cells for output in c.get("outputs", [])
        ]
        assert any("image/png" in mapping for mapping in data)

    def test_holds_nothing_of_its_machine(self, source: Path) -> None:
        stored = _stored(source)
        cells = [cell for cell in stored.cells if cell.cell_type == "code"]
        assert all(cell.execution_count is None and not cell.metadata for cell in cells)
        outputs = [output for cell in cells for output in cell.outputs]
        assert {output.get("name", "stdout") for output in outputs} == {"stdout"}  # no warnings
        text = "\n".join(str(words) for words in _texts(stored))
        assert not re.search(
            r"0x[0-9a-f]{6}|(^|[\s'\"])/(home|root|tmp|usr|work)/|site-packages", text
        )

    def test_last_cell_asserts(self, source: Path) -> None:
        assert "assert all(claims.values())" in _stored(source).cells[-1].source


@pytest.mark.slow
@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_executes_and_prints_what_is_stored(source: Path, request: pytest.FixtureRequest) -> None:
    if "\nimport torch\n" in source.read_text():
        request.getfixturevalue("torch")
    executed = build.execute(source, timeout=60)
    assert _texts(executed) == _texts(_stored(source))
