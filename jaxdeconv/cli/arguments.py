"""The command line -> values: what is written where, what it may look like, what it is by default.

Only the form is checked here. Whether the numbers belong together is for `ConvGeometry` and the
rest of the library to say, whose messages `jaxdeconv.cli.main` passes on.
"""

import argparse
import re
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeAlias

import jaxdeconv
from jaxdeconv.arguments.dtypes import COMPLEX, FLOATING, INTEGER
from jaxdeconv.arguments.integers import PADDINGS, PaddingLike
from jaxdeconv.boundary import MODES

Integers: TypeAlias = int | tuple[int, ...]

_PADDING_HELP = (
    f"padding of the forward map: one of {', '.join(PADDINGS)}; one int for every side; one per "
    "dimension; or low,high of every dimension in turn. Negative numbers crop"
)


_COMMANDS = "commands: explain, verify; without one, the main job. --help lists the options"


class Parser(argparse.ArgumentParser):
    """Shows how it is called after errors of form, and not after every value out of range."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        version = f"jaxdeconv {jaxdeconv.__version__}"
        self.add_argument("--version", action="version", version=version)

    def error(self, message: str) -> NoReturn:
        """Exit with status 2."""
        if not re.match(r"argument [^:]*: (must|invalid) ", message):
            super().error(message)
        self.exit(2, f"{self.prog}: error: {message}\n")


def split(words: list[str]) -> tuple[str, list[str]]:
    """The command, '' for the main job, and what follows it."""
    if words[:1] == ["help"]:
        words = [*words[1:], "--help"]
    if words[:1] and words[0] in PARSERS and words[0]:
        return words[0], words[1:]
    return "", words


def parse(parser: argparse.ArgumentParser, words: list[str]) -> argparse.Namespace:
    """The options; an unknown word is told the commands."""
    options, unknown = parser.parse_known_args(words)
    if unknown:
        word = next((word for word in unknown if not word.startswith("-")), "")
        if word and parser.prog == "jaxdeconv":
            parser.exit(2, f"jaxdeconv: error: unknown command {word!r}. The {_COMMANDS}\n")
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    return options


def job_parser() -> argparse.ArgumentParser:
    """The options of the main job."""
    parser = Parser(
        prog="jaxdeconv",
        description="Computes v, K v and K^T K v for a photograph v and a strided convolution K; "
        "computes K^T every way the package knows, and checks each against the specification "
        "(jax.linear_transpose) and against <u, K v> = <K^T u, v>, within derived rounding bounds "
        "and exactly. Prints a table, writes a picture. Exit status: 0 all agree, 1 something "
        "disagrees, 2 wrong arguments or an output that cannot be written.",
        epilog="'jaxdeconv explain --help': the geometry, the index relation and the matrix of a "
        "small case. 'jaxdeconv verify --help': evidence on operators of your own.",
    )
    picture = parser.add_argument_group("photograph v")
    picture.add_argument(
        "--image", metavar="FILE", help="any picture (default: one that matplotlib carries)"
    )
    picture.add_argument(
        "--size",
        type=integers,
        default=80,
        metavar="N|H,W",
        help="cells of the longer side, or height,width; the time grows with the square of the "
        "number of cells, because one way applies K once per cell (default: %(default)s)",
    )
    _add_kernel_options(parser)
    _add_geometry_options(parser.add_argument_group("geometry of K"))
    _add_number_options(parser.add_argument_group("numbers"))
    output = parser.add_argument_group("output")
    output.add_argument(
        "--output",
        default="jaxdeconv.png",
        metavar="FILE",
        help="where the picture goes; the suffix says what kind it is, e.g. .png, .jpg, .pdf, .svg "
        "(default: %(default)s)",
    )
    output.add_argument("--json", action="store_true", help="JSON on stdout instead of the table")
    return parser


def explain_parser() -> argparse.ArgumentParser:
    """The options of `explain`."""
    parser = Parser(
        prog="jaxdeconv explain",
        description="Prints the geometry, the index relation and the matrix of one small "
        "convolution of one or two spatial dimensions, and how its transpose is a convolution.",
    )
    parser.add_argument(
        "--input",
        type=integers,
        required=True,
        metavar="N|H,W",
        help="size of v; its number of entries is the number of spatial dimensions",
    )
    parser.add_argument(
        "--kernel", type=integers, required=True, metavar="N|H,W", help="size of the kernel"
    )
    parser.add_argument("--stride", **_integers_option(1))
    parser.add_argument(
        "--padding", type=padding, default=0, metavar="P", help=f"{_PADDING_HELP} (default: 0)"
    )
    parser.add_argument("--dilation", **_integers_option(1))
    return parser


def verify_parser() -> argparse.ArgumentParser:
    """The options of `verify`."""
    parser = Parser(
        prog="jaxdeconv verify",
        description="Verifies that two functions of yours are each other's adjoint, by "
        "jaxdeconv.verify.adjoint, and prints its report. Exit status: 0 pass, 1 fail or "
        "inconclusive, 2 wrong arguments.",
    )
    parser.add_argument(
        "pair",
        metavar="module:pair",
        help="a name in a module, imported from the current directory or as installed: a tuple "
        "(A, At, domain) or (A, At, domain, codomain), a dictionary of the arguments of "
        "jaxdeconv.verify.adjoint, or a function without arguments that returns one of these",
    )
    parser.add_argument("--key", type=_natural, help="the seed of the probes, as a report tells it")
    parser.add_argument(
        "--transpose", action="store_true", default=None, help="without complex conjugation"
    )
    parser.add_argument(
        "--budget",
        type=_natural,
        metavar="N",
        help="applications that the recovery of every entry may take; 0 leaves it out",
    )
    parser.add_argument("--x64", action="store_true", help="JAX's 64-bit mode")
    parser.add_argument("--json", action="store_true", help="JSON on stdout instead of the table")
    return parser


def _add_kernel_options(parser: argparse.ArgumentParser) -> None:
    kernel = parser.add_argument_group("kernel w")
    kernel.add_argument(
        "--kernel",
        default="blur",
        metavar="NAME|FILE",
        help="blur, bilinear, gabor, random, or an .npy file that holds (kh, kw), used for every "
        "channel, or (kh, kw, in/groups, out) (default: %(default)s)",
    )
    kernel.add_argument(
        "--kernel-size",
        type=integers,
        metavar="N|H,W",
        help="of a kernel given by name (default: 4)",
    )


def _add_geometry_options(geometry: argparse._ArgumentGroup) -> None:
    geometry.add_argument("--stride", **_integers_option(2))
    geometry.add_argument(
        "--padding",
        type=padding,
        default="SAME",
        metavar="P",
        help=f"{_PADDING_HELP} (default: %(default)s)",
    )
    geometry.add_argument(
        "--padding-mode",
        choices=MODES,
        default="zeros",
        metavar="NAME",
        help=f"what the padding holds: {', '.join(MODES)} (default: %(default)s)",
    )
    geometry.add_argument("--dilation", **_integers_option(1))
    geometry.add_argument(
        "--groups",
        type=_natural,
        metavar="N",
        help="blocks of channels that do not mix (default: every colour for itself, or what a "
        "4-axis kernel file asks for)",
    )


def _add_number_options(numbers: argparse._ArgumentGroup) -> None:
    numbers.add_argument(
        "--dtype",
        choices=(*FLOATING, *COMPLEX, *INTEGER),
        default="float32",
        metavar="NAME",
        help=f"one of {', '.join((*FLOATING, *COMPLEX, *INTEGER))} (default: %(default)s)",
    )
    numbers.add_argument(
        "--seed", type=_natural, default=0, help="of all random numbers (default: %(default)s)"
    )


def _integers_option(default: int) -> dict:
    return {
        "type": integers,
        "default": default,
        "metavar": "N|N,N",
        "help": "one int, or one per spatial dimension (default: %(default)s)",
    }


def join_negatives(words: Sequence[str]) -> list[str]:
    """'--padding', '-1,2' -> '--padding=-1,2', which argparse would take for an option."""
    joined: list[str] = []
    for word in words:
        if re.match(r"-\d", word) and joined and re.fullmatch(r"--[a-z-]+", joined[-1]):
            joined[-1] = f"{joined[-1]}={word}"
        else:
            joined.append(word)
    return joined


def integers(text: str) -> Integers:
    """'3' -> 3 and '3,4' -> (3, 4)."""
    if not re.fullmatch(r"\s*[+-]?\d+\s*(,\s*[+-]?\d+\s*)*", text):
        raise argparse.ArgumentTypeError(
            f"must be an integer, or integers with commas between; got {text!r}"
        )
    numbers = tuple(map(_integer, text.split(",")))
    return numbers[0] if len(numbers) == 1 else numbers


def padding(text: str) -> str | Integers:
    """A name of padding as it is, for `ConvGeometry` to judge; all else as `integers`."""
    return text if text.strip().replace("_", "").isalpha() else integers(text)


def as_pairs(value: str | Integers, ndim: int) -> PaddingLike:
    """Low,high of every dimension in turn -> (low, high) pairs; all else as it is."""
    if isinstance(value, tuple) and len(value) == 2 * ndim:
        return tuple(zip(value[::2], value[1::2], strict=True))
    return value


def _natural(text: str) -> int:
    if not re.fullmatch(r"\d+", text):
        raise argparse.ArgumentTypeError(f"must be an integer, 0 or more; got {text!r}")
    return _integer(text)


def _integer(text: str) -> int:
    if len(text.strip()) > _MOST_DIGITS:  # of which Python itself reads some thousands
        raise argparse.ArgumentTypeError(f"must have at most {_MOST_DIGITS} digits")
    return int(text)


_MOST_DIGITS = 100

PARSERS: dict[str, Callable[[], argparse.ArgumentParser]] = {
    "": job_parser,
    "explain": explain_parser,
    "verify": verify_parser,
}
"""The commands by their first word."""
