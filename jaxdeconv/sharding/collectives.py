"""The collective operations of a compiled program, read from its text."""

import dataclasses
import math
import re

__all__ = ["GATHERS", "Collective", "collectives"]

GATHERS = ("all-gather", "all-to-all")
"""Kinds after which a device may hold what others held."""

_OPERATION = re.compile(
    r"^\s*(?:ROOT )?%?\S+ = (?P<type>.*?) "
    r"(?P<kind>all-gather|all-reduce|all-to-all|reduce-scatter|collective-permute)(?:-done)?\("
)
"""Of two halves the second: the type of the first holds operands, too."""

_ARRAY = re.compile(r"([a-z]+)(\d*)[a-z0-9]*\[([\d,]*)\]")
_SOURCE = re.compile(r'op_name="([^"]*)"')
_CHAIN = re.compile(r'chain_id="(\d+)"')
"""XLA:TPU repeats a collective operation in every fusion during which it goes on."""


@dataclasses.dataclass(frozen=True)
class Collective:
    """One collective operation.

    Attributes:
        kind: XLA's name of it.
        bytes: of its result on one device.
        source: where in the program it comes from, in JAX's words.
    """

    kind: str
    bytes: int
    source: str


def collectives(text: str) -> list[Collective]:
    """Those of a compiled program; those of a loop count once.

    Args:
        text: `compiled.as_text()`.
    """
    found, chains = [], set[str]()
    for line in text.splitlines():
        match, chain = _OPERATION.match(line), _CHAIN.search(line)
        if match and not (chain and chain[1] in chains):
            chains.update(chain.groups() if chain else ())
            source = _SOURCE.search(line)
            count = sum(map(_bytes, _ARRAY.findall(match["type"])))
            found.append(Collective(match["kind"], count, source[1] if source else ""))
    return found


def _bytes(array: tuple[str, str, str]) -> int:
    """Of an array type such as f32[2,3]: its letters, its digits, its shape."""
    _, bits, shape = array
    return math.prod(map(int, filter(None, shape.split(",")))) * max(1, int(bits or 8) // 8)
