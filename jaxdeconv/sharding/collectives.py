"""The collective operations of a compiled program, read from its text."""

import dataclasses
import math
import re

__all__ = ["Collective", "collectives"]

_OPERATION = re.compile(
    r"^\s*(?:ROOT )?%?\S+ = (?P<type>.*?) "
    r"(?P<kind>all-gather|all-reduce|all-to-all|reduce-scatter|collective-permute)(?:-start)?\("
)
_ARRAY = re.compile(r"([a-z]+)(\d*)[a-z0-9]*\[([\d,]*)\]")
_SOURCE = re.compile(r'op_name="([^"]*)"')


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
    found = []
    for line in text.splitlines():
        match = _OPERATION.match(line)
        if match:
            source = _SOURCE.search(line)
            count = sum(map(_bytes, _ARRAY.findall(match["type"])))
            found.append(Collective(match["kind"], count, source[1] if source else ""))
    return found


def _bytes(array: tuple[str, str, str]) -> int:
    """Of an array type such as f32[2,3]: its letters, its digits, its shape."""
    _, bits, shape = array
    return math.prod(map(int, filter(None, shape.split(",")))) * max(1, int(bits or 8) // 8)
