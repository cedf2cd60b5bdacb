"""The main job from the command line to the exit status, with progress on stderr."""

import argparse
import contextlib
import sys
import time
from pathlib import Path

import jax
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from jaxdeconv.cli import checks, figure, report
from jaxdeconv.cli.job import Job, from_options
from jaxdeconv.errors import ArgumentValueError

_NEEDS_X64 = ("float64", "complex128", "int64", "uint64")


def run(options: argparse.Namespace) -> int:
    """Do all that the options ask for.

    Args:
        options: what `arguments.job_parser` parsed.

    Returns:
        0 if all ways agree, else 1.

    Raises:
        ValueError: options that do not fit together.
        TypeError: a kernel file whose numbers do not fit the dtype.
    """
    begin = time.perf_counter()
    picture = _writable(options.output)
    x64 = jax.enable_x64(True) if options.dtype in _NEEDS_X64 else contextlib.nullcontext()
    # an accelerator's reduced precision (TF32) would break every bound, and is not asked for here
    with x64, jax.default_matmul_precision("highest"):
        job = from_options(options)
        outcomes = _with_progress(job, picture)
        seconds = time.perf_counter() - begin
        if options.json:
            text = report.as_json(job, outcomes, options.kernel, options.image, options.output)
            sys.stdout.write(f"{text}\n")
        else:
            report.write_table(job, outcomes, options.kernel, seconds)
            sys.stdout.write(f"Picture: {options.output}\n")
    return 0 if all(outcome.ok for outcome in outcomes) else 1


def _with_progress(job: Job, picture: Path) -> list[checks.Outcome]:
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    ways = job.transposes()
    outcomes = []
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("K v and the bounds", total=len(ways) + 2)
        examination = checks.Examination(job)
        for name, way in ways.items():
            progress.update(task, advance=1, description=f"K^T by {name}")
            outcomes.append(examination.ask(name, way))
        progress.update(task, advance=1, description="picture")
        figure.save(picture, job)
    return outcomes


def _writable(output: str) -> Path:
    """Refuse before the work what would fail after it."""
    path = Path(output)
    if path.is_dir() or not path.parent.is_dir():
        raise ArgumentValueError(
            "output must be a file in an existing directory",
            "Make the directory first, or pass another name.",
            output=output,
        )
    return path
