"""Rebuild every notebook from its source, with outputs: `python notebooks/build.py [NAME ...]`.

The percent-format .py is the source; the .ipynb is executed from it in a fresh kernel. Anything
that differs between builds (execution counts, random cell ids, kernel versions) is left out, so a
rebuild changes a file only if its content changed.
"""

import argparse
import base64
import io
import zlib
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from PIL import Image

HERE = Path(__file__).parent
METADATA = {
    "jupytext": {"formats": "ipynb,py:percent"},
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"},
}


def sources() -> list[Path]:
    """The notebooks' sources, in reading order."""
    return sorted(HERE.glob("[0-9][0-9]_*.py"))


def read_source(source: Path) -> nbformat.NotebookNode:
    """The notebook of a source, without outputs.

    Args:
        source: a percent-format .py file.
    """
    notebook = jupytext.read(source, fmt="py:percent")
    notebook.metadata = nbformat.from_dict(METADATA)
    for cell in notebook.cells:
        cell.metadata = nbformat.from_dict({})
        cell.id = f"{zlib.crc32(cell.source.encode()):08x}"  # depends only on the text
    return notebook


def execute(source: Path, timeout: int = 120) -> nbformat.NotebookNode:
    """The notebook of a source, executed in a fresh kernel.

    Args:
        source: a percent-format .py file.
        timeout: limit for one cell, in seconds.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell raised.
    """
    notebook = read_source(source)
    NotebookClient(
        notebook,
        timeout=timeout,
        resources={"metadata": {"path": str(source.parent)}},
        record_timing=False,
        extra_arguments=["--log-level=ERROR"],  # hides a warning: it listens on 127.0.0.1
    ).execute()
    notebook.metadata = nbformat.from_dict(METADATA)  # the kernel wrote its versions into it
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.execution_count = None
            cell.outputs = _joined(cell.outputs)
            for output in cell.outputs:
                if "image/png" in output.get("data", {}):
                    output.data["image/png"] = _smaller(output.data["image/png"])
    nbformat.validate(notebook)
    return notebook


def _joined(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Join the pieces into which the kernel splits one stream at varying moments."""
    joined: list[nbformat.NotebookNode] = []
    for output in outputs:
        if output.output_type == "execute_result":
            output.execution_count = None
        last = joined[-1] if joined else None
        if last and output.output_type == "stream" and last.get("name") == output.name:
            last.text += output.text
        else:
            joined.append(output)
    return joined


def _smaller(png: str) -> str:
    """The same picture in 64 colours, a third of the size; base64 in and out."""
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    buffer = io.BytesIO()
    picture.quantize(64, dither=Image.Dither.NONE).save(buffer, "png", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


def main() -> None:
    """Build the notebooks named on the command line, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="beginnings of file names, such as 01; none: all")
    names = tuple(parser.parse_args().names) or ("",)
    for source in sources():
        if source.name.startswith(names):
            nbformat.write(execute(source), source.with_suffix(".ipynb"))
            size = source.with_suffix(".ipynb").stat().st_size
            print(f"{source.stem}.ipynb: {size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
