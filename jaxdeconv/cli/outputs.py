"""Refuse an output that cannot be written before the work, not after it."""

import os
import tempfile
from pathlib import Path

from jaxdeconv.errors import ArgumentValueError

__all__ = ["check"]


def check(output: str) -> Path:
    """The file of this name, which can be written.

    Raises:
        ValueError: it cannot.
    """
    path = Path(output)
    try:
        if path.is_dir() or not path.parent.is_dir():
            raise ArgumentValueError(
                "output must be a file in an existing directory",
                "Make the directory first, or pass another name.",
                output=output,
            )
        if path.is_file():
            os.close(os.open(path, os.O_WRONLY | os.O_APPEND))
        elif not path.exists():
            with tempfile.TemporaryFile(dir=path.parent):
                pass
    except OSError as error:
        raise ArgumentValueError(
            f"output must be a file that can be written ({error.strerror or error})",
            "Pass another name, or one in another directory.",
            output=output,
        ) from None
    return path
