"""`python -m jaxdeconv`: every way to compute K^T, on a photograph, against the specification.

    python -m jaxdeconv                        the main job: table, picture, exit status
    python -m jaxdeconv explain --input 5 ...  geometry, index relation and matrix of a small case
    python -m jaxdeconv verify module:pair     are two functions of yours each other's adjoint?

The rooms, data flowing downwards:

    arguments    the command line -> values
    dtypes       what the numbers are in each dtype
    photograph   a picture file -> cells                             (needs matplotlib, PIL)
    kernels      a name or an .npy file -> the kernel w
    job          one main job as data: v, w, geometry; and every way to compute its K^T
    pairing      <x, y> in Python's integers, without rounding
    bounds       how far rounding can put two right ways apart: derived, not guessed
    checks       every way against the specification and against <u, K v> = <K^T u, v>
    report       the outcome as a table or as JSON                   (needs rich)
    figure       the outcome as a picture                            (needs matplotlib)
    main_job     all of these in order, with progress                (needs rich)
    explain      one small geometry in words, numbers and characters
    verifying    `jaxdeconv.verify` on a pair that a module holds

Exit status: 0 everything agrees, 1 something disagrees, 2 wrong arguments.
"""

import argparse
import importlib
import sys
from collections.abc import Callable, Sequence

from jaxdeconv.cli import arguments, explain, verifying
from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError

__all__ = ["main"]

_EXTRA = ("matplotlib", "PIL", "rich")  # what `pip install "jaxdeconv[cli]"` adds


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the arguments without the program's name; None: those of this process.

    Returns:
        The exit status, 0 or 1.

    Raises:
        SystemExit: with status 2 after wrong arguments, with 0 after `--help`.
    """
    words = arguments.join_negatives(sys.argv[1:] if argv is None else argv)
    command = words[0] if words[:1] and words[0] in _COMMANDS else ""
    make_parser, run = _COMMANDS[command]
    parser = make_parser()
    options = parser.parse_args(words[1:] if command else words)
    try:
        return run(options)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _EXTRA:
            raise
        parser.exit(
            2,
            f"{parser.prog}: error: the package {package} is missing. "
            'Install it with: pip install "jaxdeconv[cli]"\n',
        )
    except (ArgumentTypeError, ArgumentValueError) as error:
        error.caller = ""  # the user called no Python function
        parser.error(str(error))


def _run_main_job(options: argparse.Namespace) -> int:
    # imported here, so that the other commands and `--help` work without the optional packages
    status: int = importlib.import_module("jaxdeconv.cli.main_job").run(options)
    return status


_COMMANDS: dict[
    str, tuple[Callable[[], argparse.ArgumentParser], Callable[[argparse.Namespace], int]]
] = {
    "": (arguments.job_parser, _run_main_job),
    "explain": (arguments.explain_parser, explain.run),
    "verify": (arguments.verify_parser, verifying.run),
}
"""By their first word: how a command reads its options, and what runs with them."""
