"""One small geometry in words, numbers and characters: what `jaxdeconv explain` prints.

Plain text, from integers alone; no array is convolved.
"""

import argparse
import itertools
import math
import sys
from collections.abc import Iterator

import numpy as np

from jaxdeconv.arguments.integers import as_integers, count_entries
from jaxdeconv.cli.values import as_pairs
from jaxdeconv.errors import ArgumentValueError
from jaxdeconv.geometry import ConvGeometry, check_reach, possible_input_sizes
from jaxdeconv.reference import coordinates

_MOST_ROWS = 30
_MOST_CHARACTERS = 100  # of one line
_MOST_TAPS = 1000  # more than the cells of any matrix that is printed
_INDENT = "    "
_MARKS = {"0": "padding", "cut": "cropped by negative padding", "-": "read by no output"}


def run(options: argparse.Namespace) -> int:
    """Print `text(options)`; exit status 0."""
    sys.stdout.write(text(options))
    return 0


def text(options: argparse.Namespace) -> str:
    """The explanation of one geometry.

    Args:
        options: what `arguments.explain_parser` parsed.

    Raises:
        ValueError: numbers that do not fit together, or more than two spatial dimensions.
    """
    ndim = count_entries(options.input)
    if ndim > 2:
        raise ArgumentValueError(
            "input must have one or two spatial dimensions",
            "Pass for example 5, or 5,6.",
            input=options.input,
        )
    geometry = ConvGeometry(
        as_integers("input", options.input, ndim, minimum=1),
        options.kernel,
        options.stride,
        as_pairs(options.padding, ndim),
        options.dilation,
    )
    check_reach(geometry)
    sections = [
        ("", [str(geometry)]),
        ("Size of the output: o = floor((n + low + high - K) / s) + 1", _sizes(geometry)),
        ("Input sizes that give the same output size", _shared_sizes(geometry)),
        ("Index relation: tap t of output cell y reads input cell x", _relation(geometry)),
        *([("What each output reads", _picture(geometry))] if ndim == 1 else []),
        *_matrices(geometry),
        ("K^T u by a convolution", _transpose_as_convolution(geometry)),
    ]
    return "\n".join(_laid_out(sections))


def _laid_out(sections: list[tuple[str, list[str]]]) -> Iterator[str]:
    for title, lines in sections:
        if title:
            yield title
        yield from (f"{_INDENT}{line}".rstrip() if title else line for line in lines)
        yield ""


def _named(geometry: ConvGeometry, dimension: int) -> str:
    """The dimension that a line is about, where there are two."""
    return "" if geometry.ndim == 1 else f"dimension {dimension}: "


def _sizes(geometry: ConvGeometry) -> list[str]:
    """The size rule with the numbers filled in."""
    lines = []
    for i, (n, k, (low, high), s, d, span, o) in enumerate(_along(geometry)):
        padded = f"{n} {_signed(low)} {_signed(high)}"
        lines.append(
            f"{_named(geometry, i)}o = floor(({padded} - {span}) / {s}) + 1 = {o}"
            f"{f',  K = {d}*({k} - 1) + 1 = {span}' if d > 1 else ''}"
        )
    return lines


def _shared_sizes(geometry: ConvGeometry) -> list[str]:
    possible = possible_input_sizes(
        geometry.output_size,
        geometry.kernel_size,
        geometry.stride,
        geometry.padding,
        geometry.dilation,
    )
    lines = []
    for i, (sizes, n, o, extra) in enumerate(
        zip(
            possible,
            geometry.input_size,
            geometry.output_size,
            geometry.output_padding,
            strict=True,
        )
    ):
        choices = ", ".join(map(str, sizes)) if len(sizes) <= 8 else f"{sizes[0]} to {sizes[-1]}"
        lines.append(
            f"{_named(geometry, i)}{choices} -> {o};  here {n}, "
            f"which is output_padding {extra} ({n} = {sizes[0]} + {extra})"
        )
    if any(len(sizes) > 1 for sizes in possible):
        lines.append("K^T needs input_size or output_padding, to know which.")
    return lines


def _relation(geometry: ConvGeometry) -> list[str]:
    lines = []
    for i, (n, k, (low, _), s, d, _, o) in enumerate(_along(geometry)):
        y = "y" if s == 1 else f"{s}*y"
        t = "t" if d == 1 else f"{d}*t"
        shift = f" {_signed(-low)}" if low else ""
        ranges = f"0 <= y < {o},  0 <= t < {k},  0 <= x < {n}"
        lines.append(f"{_named(geometry, i)}x = {y} + {t}{shift}      {ranges}")
    return lines


def _picture(geometry: ConvGeometry) -> list[str]:
    """One dimension drawn: a column per cell, a row per output with its taps where it reads."""
    ((n, k, (low, high), s, d, _, o),) = _along(geometry)
    cells = range(min(0, -low), max(n, n + high))
    too_large = ["too large to draw: make the input or the padding smaller"]
    if cells.stop - cells.start > _MOST_CHARACTERS:
        return too_large
    symbols = _symbols(geometry)
    width = max(3, *map(len, symbols), *(len(str(x)) for x in (cells.start, cells.stop))) + 1
    if o > _MOST_ROWS or 8 + width * len(cells) > _MOST_CHARACTERS:
        return too_large

    def row(label: str, entries: list[str]) -> str:
        return f"{label:<8}" + "".join(f"{entry:>{width}}" for entry in entries)

    read = {s * y + d * t - low for y in range(o) for t in range(k)}
    lines = [
        row("x", [str(x) for x in cells]),
        row("", [_mark(x, geometry, x in read) for x in cells]),
    ]
    for y in range(o):
        taps = {s * y + d * t - low: symbols[t] for t in range(k)}
        lines.append(row(f"u[{y}]", [taps.get(x, "") for x in cells]))
    used = [f"{mark}: {what}" for mark, what in _MARKS.items() if mark in lines[1].split()]
    return [*lines, *([f"({',  '.join(used)})"] if used else [])]


def _mark(x: int, geometry: ConvGeometry, read: bool) -> str:
    """The mark above cell x: padding, or the reason why nothing reads it."""
    (n,), ((low, high),) = geometry.input_size, geometry.padding
    if not 0 <= x < n:
        return "0"
    if not -low <= x < n + high:
        return "cut"
    return "" if read else "-"


def _matrices(geometry: ConvGeometry) -> list[tuple[str, list[str]]]:
    """The matrices of K and K^T with a symbol for every tap."""
    shape = math.prod(geometry.output_size), math.prod(geometry.input_size)
    title = f"K as a matrix, {shape[0]} x {shape[1]}"
    if math.prod(geometry.kernel_size) > _MOST_TAPS:
        return [(title, ["too large to print: make the kernel smaller"])]
    symbols = _symbols(geometry)
    width = max(map(len, symbols))
    if max(shape) > _MOST_ROWS or (width + 1) * max(shape) > _MOST_CHARACTERS:
        most = min(_MOST_ROWS, _MOST_CHARACTERS // (width + 1))
        return [(title, [f"too large to print: make the input smaller, up to {most} cells in all"])]
    table = np.array(symbols, dtype=object).reshape(*geometry.kernel_size, 1, 1)
    entries = coordinates.matrix(table, geometry)
    first = ",".join("0" * geometry.ndim)
    title += f"  ({symbols[0]} is w[{first}]; a dot is zero)"
    return [
        (title, _rows(entries, width)),
        (f"K^T, {shape[1]} x {shape[0]}", _rows(entries.T, width)),
    ]


def _rows(entries: np.ndarray, width: int) -> list[str]:
    return [" ".join(f"{entry or '.':<{width}}" for entry in row).rstrip() for row in entries]


def _symbols(geometry: ConvGeometry) -> list[str]:
    """w1 w2 w3 in one dimension, as textbooks write them; w00 w01 ... in two."""
    if geometry.ndim == 1:
        return [f"w{t + 1}" for t in range(geometry.kernel_size[0])]
    comma = "," if max(geometry.kernel_size) > 10 else ""
    return [
        f"w{comma.join(map(str, tap))}"
        for tap in itertools.product(*map(range, geometry.kernel_size))
    ]


def _transpose_as_convolution(geometry: ConvGeometry) -> list[str]:
    """Insert zeros into u, pad it, flip w: the numbers for every dimension."""
    lines = []
    for i, (n, _, (low, _), s, d, span, o) in enumerate(_along(geometry)):
        length = s * (o - 1) + 1
        before, after = span - 1 - low, n + low - length
        spaced = f", its taps {d} apart" if d > 1 else ""
        crops = " (a negative number crops)" if min(before, after) < 0 else ""
        lines += [f"along dimension {i}:"] if geometry.ndim > 1 else []
        lines += [
            f"1. {_inserted(s - 1)} between the cells of u: {o} -> {length} cells",
            f"2. pad by ({before}, {after}) = (K - 1 - low, n + low - {length}){crops}: "
            f"{length} -> {length + before + after} cells",
            f"3. convolve with the flipped w at stride 1{spaced}: "
            f"{length + before + after} -> {n} cells",
        ]
    return lines


def _inserted(zeros: int) -> str:
    return f"insert {zeros or 'no'} zero{'' if zeros == 1 else 's'}"


def _along(geometry: ConvGeometry) -> list[tuple]:
    """(n, k, (low, high), s, d, K, o) of every dimension."""
    return list(
        zip(
            geometry.input_size,
            geometry.kernel_size,
            geometry.padding,
            geometry.stride,
            geometry.dilation,
            geometry.dilated_kernel_size,
            geometry.output_size,
            strict=True,
        )
    )


def _signed(number: int) -> str:
    return f"{'-' if number < 0 else '+'} {abs(number)}"
