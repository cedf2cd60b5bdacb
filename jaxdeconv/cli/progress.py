"""How far a command is, on stderr: a bar on a terminal, else a line for every stage."""

import contextlib
import sys
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

__all__ = ["progress"]


@contextlib.contextmanager
def progress(total: int, *, unit: str = "", quiet: bool = False) -> Iterator[Callable[..., None]]:
    """What to call as every stage begins.

    Args:
        total: of the steps.
        unit: of a step, behind their number.
        quiet: no lines.

    Yields:
        A function of the stage in words, and of the number of steps since the last call: 1 unless
        it is given.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        done = 0.0

        def tell(stage: str, steps: float = 1.0) -> None:
            nonlocal done
            done += steps
            if not quiet:
                sys.stderr.write(f"{done:.0f}/{total}{unit} {stage}\n")
                sys.stderr.flush()

        yield tell
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=total, completed=-1)

        def advance(stage: str, steps: float = 1.0) -> None:
            bar.update(task, advance=steps, description=stage)

        yield advance
