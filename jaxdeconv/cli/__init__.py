"""`python -m jaxdeconv`: every implementation of K^T, on a photograph, against the definition.

    python -m jaxdeconv                        the main job: table, picture, exit status
    python -m jaxdeconv explain --input 5 ...  geometry, index relation and matrix of a small case
    python -m jaxdeconv verify module:pair     are two functions of yours each other's adjoint?
    python -m jaxdeconv compiled module:step   what do GPUs' and TPUs' compilers make of a function?
    python -m jaxdeconv compilers install h100     the compiler for one of them
    python -m jaxdeconv calibrate              measure what algorithms cost on this CPU

The modules; data flows downwards:

    values       one word of the command line -> its value
    arguments    the command line -> options
    dtypes       the numbers of the main job in each dtype
    progress     how far a command is                               (needs rich)
    outputs      refuse an output that cannot be written
    photograph   a picture file -> cells                             (needs matplotlib, PIL)
    kernels      a name or an .npy file -> the kernel w
    job          one main job as data: v, w, geometry; and every implementation of its K^T
    agreement    every implementation against the definition, and through `jaxdeconv.verify`
    report       the outcome as a table or as JSON                   (needs rich)
    figure       the outcome as a picture                            (needs matplotlib)
    main_job     all of these in order, with progress                (needs rich)
    explain      one small geometry in words, numbers and characters
    named        'module:name' -> an object of the user's
    verifying    `jaxdeconv.verify` on a pair that a module holds
    compiled     `jaxdeconv.compilers` on a function that a module holds
    calibrate    the costs that plans follow, corrected for this CPU (needs rich)

Exit status: 0 everything agrees, 1 something disagrees, 2 wrong arguments or an output that cannot
be written, 130 interrupted by Ctrl-C, 141 the reader of the output has closed it. In every case the
user sees a sentence and no traceback.
"""

import contextlib
import importlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError

__all__ = ["main"]

_EXTRA = ("matplotlib", "PIL", "rich")  # what `pip install "jaxdeconv[cli]"` adds
_WRONG, _INTERRUPTED, _UNREAD = 2, 130, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the arguments without the program's name; None: those of this process.

    Returns:
        The exit status, as above.

    Raises:
        SystemExit: with status 2 after wrong arguments, with 0 after `--help` and `--version`.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started this process
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    pressed: list[int] = []
    with _noting_interrupts(pressed) if argv is None else contextlib.nullcontext():
        try:
            try:
                return _run(sys.argv[1:] if argv is None else argv)
            finally:  # here, where a failure can still be reported, not while Python shuts down
                sys.stdout.flush()
        except BrokenPipeError:
            _discard_output()
            return _UNREAD
        except OSError as error:
            _discard_output()
            where = error.filename or "standard output"
            sys.stderr.write(f"jaxdeconv: error: {where}: {error.strerror or error}\n")
            return _WRONG
        except BaseException as error:
            # a KeyboardInterrupt that passes through a C++ callback becomes another error
            if not (pressed or isinstance(error, KeyboardInterrupt)):
                raise
            sys.stderr.write("\ninterrupted\n" if sys.stderr.isatty() else "interrupted\n")
            return _INTERRUPTED


@contextlib.contextmanager
def _noting_interrupts(pressed: list[int]) -> Iterator[None]:
    """While the command runs, note Ctrl-C; once it is over, ignore it."""

    def note(number: int, frame: Any) -> NoReturn:
        del frame
        pressed.append(number)
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:  # ignored, or replaced
        yield
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _discard_output() -> None:
    """Drop what is still in the buffers, which Python would write as it shuts down."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
            continue
        with contextlib.suppress(OSError, ValueError):  # in tests a stream may have no file
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _run(argv: Sequence[str]) -> int:
    # imported here, so that Ctrl-C works while jax is imported
    arguments = importlib.import_module("jaxdeconv.cli.arguments")
    words = arguments.join_negatives(argv)
    command, words = arguments.split(words)
    parser = arguments.PARSERS[command]()
    options = arguments.parse(parser, words)
    try:
        status: int = importlib.import_module(f"jaxdeconv.cli.{_MODULES[command]}").run(options)
        return status
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _EXTRA:
            raise
        text = f'the package {package} is missing. Install it with: pip install "jaxdeconv[cli]"'
    except (ArgumentTypeError, ArgumentValueError) as error:
        error.caller = ""  # the user called no Python function
        text = str(error)
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and "RESOURCE_EXHAUSTED" not in str(error):
            raise
        text = "not enough memory. Pass smaller sizes."
    sys.stderr.write(f"{parser.prog}: error: {text}\n")
    raise SystemExit(_WRONG)


_MODULES = {
    "": "main_job",
    "explain": "explain",
    "verify": "verifying",
    "compiled": "compiled",
    "compilers": "compiled",
    "calibrate": "calibrate",
}
"""The module that runs each command."""
