"""The main job from the command line to the exit status, with progress on stderr."""

import argparse
import contextlib
import sys
import time
from collections.abc import Callable

import jax

from jaxdeconv.cli import figure, report
from jaxdeconv.cli.agreement import Examination, Outcome
from jaxdeconv.cli.job import Job, from_options
from jaxdeconv.cli.progress import progress

_NEEDS_X64 = ("float64", "complex128", "int64", "uint64")


def run(options: argparse.Namespace) -> int:
    """Do all that the options ask for.

    Args:
        options: what `arguments.job_parser` parsed.

    Returns:
        0 if all implementations agree, 1 if not, 2 if they do but the picture could not be
        written.

    Raises:
        ValueError: options that do not fit together, or an output that cannot be written.
        TypeError: a kernel file whose numbers do not fit the dtype.
    """
    begin = time.perf_counter()
    path = figure.check(options.output)
    x64 = jax.enable_x64(True) if options.dtype in _NEEDS_X64 else contextlib.nullcontext()
    # an accelerator's reduced precision (TF32) would break every bound, and is not asked for here
    with x64, jax.default_matmul_precision("highest"):
        job = from_options(options)
        with progress(len(job.transposes()) + 2, quiet=options.json) as advance:
            outcomes = _examine(job, advance)
            advance("picture")
            failure = figure.save(path, job)
        seconds = time.perf_counter() - begin
        if options.json:
            text = report.as_json(job, outcomes, options.kernel, options.image, options.output)
            sys.stdout.write(f"{text}\n")
        else:
            sys.stdout.write(report.table(job, outcomes, options.kernel, seconds))
            sys.stdout.write("" if failure else f"Picture: {options.output}\n")
    if failure:
        sys.stdout.flush()
        sys.stderr.write(f"jaxdeconv: error: cannot write {options.output}: {failure}\n")
    agree = all(outcome.ok for outcome in outcomes)
    return (2 if failure else 0) if agree else 1


def _examine(job: Job, advance: Callable[[str], None]) -> list[Outcome]:
    advance("forward convolution")
    examination = Examination(job)
    outcomes = []
    for name in job.transposes():
        advance(f"transposed convolution by {name}")
        outcomes.append(examination.examine(name))
    return outcomes
