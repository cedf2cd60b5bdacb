"""The command line -> values: the options, their form and their defaults.

Only the form is checked here. Whether the numbers fit together is checked by `ConvGeometry` and the
rest of the library, whose messages `jaxdeconv.cli.main` passes on.
"""

import argparse
import re
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import jaxdeconv
from jaxdeconv.arguments.dtypes import COMPLEX, FLOATING, INTEGER
from jaxdeconv.arguments.integers import PADDINGS
from jaxdeconv.boundary import MODES
from jaxdeconv.cli.values import integers, minutes, natural, padding

_PADDING_HELP = (
    f"padding of the forward convolution: one of {', '.join(PADDINGS)}; one number for every side; "
    "one per dimension; or the low and high side of each dimension in turn, as in 1,1,0,2. "
    "Negative numbers crop"
)


_COMMANDS = (
    "commands: explain, verify, compiled, compilers, calibrate; without one, the main job. --help "
    "lists the options"
)


class Parser(argparse.ArgumentParser):
    """Shows the usage after a malformed call, and not after every value out of range."""

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
        description="Computes a strided convolution K v of a photograph v and its transposed "
        "convolution K^T K v, by every implementation of K^T that the package has. Compares each "
        "with the definition (jax.linear_transpose), and verifies by jaxdeconv.verify, exactly, "
        "that <u, K v> = <K^T u, v>. Prints a table, writes a picture. Exit status: 0 all agree, "
        "1 something disagrees, 2 wrong arguments or an output that cannot be written.",
        epilog="'jaxdeconv explain --help': the geometry, the index relation and the matrix of a "
        "small case. 'jaxdeconv verify --help': verify two functions of your own. 'jaxdeconv "
        "compiled --help': what the compilers for GPUs and TPUs make of a function of yours. "
        "'jaxdeconv calibrate --help': measure what algorithms cost on this CPU.",
    )
    picture = parser.add_argument_group("photograph v")
    picture.add_argument(
        "--image", metavar="FILE", help="any picture (default: one that comes with matplotlib)"
    )
    picture.add_argument(
        "--size",
        type=integers,
        default=80,
        metavar="N|H,W",
        help="pixels of the longer side, or height,width; the time grows with the square of the "
        "number of pixels, because one implementation applies K once per pixel (default: "
        "%(default)s)",
    )
    _add_kernel_options(parser)
    _add_geometry_options(parser.add_argument_group("geometry of K"))
    _add_number_options(parser.add_argument_group("numbers"))
    output = parser.add_argument_group("output")
    output.add_argument(
        "--output",
        default="jaxdeconv.png",
        metavar="FILE",
        help="the file of the picture; its suffix is its format: .png, .jpg, .pdf, .svg, ... "
        "(default: %(default)s)",
    )
    output.add_argument("--json", action="store_true", help="JSON on stdout instead of the table")
    return parser


def explain_parser() -> argparse.ArgumentParser:
    """The options of `explain`."""
    parser = Parser(
        prog="jaxdeconv explain",
        description="Prints the geometry, the index relation and the matrix of one small "
        "convolution of one or two spatial dimensions, and how to compute its transpose by a "
        "convolution.",
    )
    parser.add_argument(
        "--input",
        type=integers,
        required=True,
        metavar="N|H,W",
        help="size of the input v, one number per spatial dimension",
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
    parser.add_argument(
        "--key", type=natural, metavar="N", help="the seed of the probes, as a report shows it"
    )
    parser.add_argument(
        "--transpose", action="store_true", default=None, help="without complex conjugation"
    )
    parser.add_argument(
        "--budget",
        type=natural,
        metavar="N",
        help="applications that may be spent on comparing every entry; 0 skips it",
    )
    parser.add_argument("--x64", action="store_true", help="JAX's 64-bit mode")
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--details", action="store_true", help="a table of all evidence")
    shown.add_argument("--json", action="store_true", help="JSON on stdout, with all evidence")
    return parser


def compiled_parser() -> argparse.ArgumentParser:
    """The options of `compiled`."""
    parser = Parser(
        prog="jaxdeconv compiled",
        description="Compiles a function of yours for devices that need not be here, and prints "
        "what becomes of its convolutions: kernels, dtypes, zeros multiplied, bytes, launches, "
        "predicted time; as it is and under jaxdeconv.accelerate. 'jaxdeconv compilers install "
        "h100' first. Exit status: 0, or 2 for wrong arguments.",
    )
    parser.add_argument(
        "function",
        metavar="module:function",
        help="a function whose arguments follow; or a tuple (step, *args), or a function without "
        "arguments that returns one",
    )
    parser.add_argument(
        "shapes", nargs="*", metavar="DTYPE[N,...]", help="the arguments, as 'float32[8,64,64,3]'"
    )
    parser.add_argument(
        "--target", default="h100", metavar="NAME,...", help="devices (default: %(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="JSON on stdout instead of the table")
    return parser


def compilers_parser() -> argparse.ArgumentParser:
    """The options of `compilers`."""
    parser = Parser(
        prog="jaxdeconv compilers",
        description="Installs the compilers that 'jaxdeconv compiled' needs, from the package "
        "index into a folder of their own: no package of this environment changes.",
    )
    parser.add_argument("action", choices=["install"], help="what to do")
    parser.add_argument("targets", nargs="+", metavar="NAME", help="devices: h100, a100, v5e, v6e")
    return parser


def calibrate_parser() -> argparse.ArgumentParser:
    """The options of `calibrate`."""
    parser = Parser(
        prog="jaxdeconv calibrate",
        description="Measures the algorithms on this CPU, on random problems, and corrects the "
        "costs that plans follow. They are kept for this CPU and these versions of the libraries "
        "in a file below $JAXDECONV_CACHE (default: ~/.cache/jaxdeconv), and every later process "
        "follows them. Run it while nothing else runs. Exit status: 0, or 2 for wrong arguments.",
    )
    parser.add_argument(
        "--minutes",
        type=minutes,
        default=2.0,
        metavar="N",
        help="how long to measure (default: 2); the more, the better",
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--output",
        metavar="FILE",
        help="keep the costs in this file instead; JAXDECONV_COSTS=FILE lets plans follow it",
    )
    where.add_argument(
        "--forget", action="store_true", help="measure nothing; remove what was kept for this CPU"
    )
    return parser


def _add_kernel_options(parser: argparse.ArgumentParser) -> None:
    kernel = parser.add_argument_group("kernel w")
    kernel.add_argument(
        "--kernel",
        default="blur",
        metavar="NAME|FILE",
        help="blur, bilinear, gabor, random, or an .npy file of shape (kh, kw), used for every "
        "channel, or (kh, kw, in/groups, out) (default: %(default)s)",
    )
    kernel.add_argument(
        "--kernel-size",
        type=integers,
        metavar="N|H,W",
        help="size of a kernel given by name (default: 4)",
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
        help=f"the values in the padding: {', '.join(MODES)} (default: %(default)s)",
    )
    geometry.add_argument("--dilation", **_integers_option(1))
    geometry.add_argument(
        "--groups",
        type=natural,
        metavar="N",
        help="blocks of channels that do not mix (default: one per channel, or what a kernel file "
        "with 4 axes asks for)",
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
        "--seed",
        type=natural,
        default=0,
        metavar="N",
        help="the seed of all random numbers (default: %(default)s)",
    )


def _integers_option(default: int) -> dict:
    return {
        "type": integers,
        "default": default,
        "metavar": "N|N,N",
        "help": "one number, or one per spatial dimension (default: %(default)s)",
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


PARSERS: dict[str, Callable[[], argparse.ArgumentParser]] = {
    "": job_parser,
    "explain": explain_parser,
    "verify": verify_parser,
    "compiled": compiled_parser,
    "compilers": compilers_parser,
    "calibrate": calibrate_parser,
}
"""The parser of each command."""
