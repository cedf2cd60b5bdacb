"""XLA's optimized HLO, as text, read into instructions: names, types, attributes, nothing more."""

import dataclasses
import functools
import math
import re
from collections.abc import Iterator

__all__ = ["Array", "Instruction", "Module", "Window", "parse"]

_BITS = {"pred": 8, "token": 0} | {
    f"{kind}{bits}": bits for kind in "su" for bits in (2, 4, 8, 16, 32, 64)
}
_BITS |= {"bf16": 16, "f16": 16, "f32": 32, "f64": 64, "c64": 64, "c128": 128}
_ARRAY = re.compile(r"\b([a-z]\w*)\[([\d,]*)\](?:\{([^}]*)\})?")


@dataclasses.dataclass(frozen=True)
class Array:
    """One array type.

    Attributes:
        dtype: in HLO's letters, as 'bf16'.
        shape: its sizes.
        near: whether it lies in a memory on the chip (a TPU's VMEM), which costs no traffic.
    """

    dtype: str
    shape: tuple[int, ...]
    near: bool = False

    @property
    def elements(self) -> int:
        """Number of entries."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> float:
        """To and from the device's memory."""
        bits = _BITS.get(self.dtype, 8)  # of the many float8 and smaller
        return 0.0 if self.near else self.elements * bits / 8


@dataclasses.dataclass(frozen=True)
class Window:
    """What a convolution slides: one entry per spatial dimension."""

    size: tuple[int, ...]
    stride: tuple[int, ...]
    low: tuple[int, ...]
    lhs_dilation: tuple[int, ...]
    rhs_dilation: tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Instruction:
    """One line of a computation.

    Attributes:
        name: with its %.
        opcode: as 'fusion'.
        type: of the result, as text.
        operands: their names.
        attributes: what follows on the operands, as text.
        root: whether it is the computation's result.
    """

    name: str
    opcode: str
    type: str
    operands: tuple[str, ...]
    attributes: str
    root: bool

    @functools.cached_property
    def arrays(self) -> tuple[Array, ...]:
        """The result, an entry of a tuple each."""
        return tuple(
            Array(
                dtype,
                tuple(int(n) for n in sizes.split(",") if n),
                re.search(r"S\([1-9]", layout) is not None,
            )
            for dtype, sizes, layout in _ARRAY.findall(self.type)
        )

    @property
    def bytes(self) -> float:
        """Of the result."""
        return sum(array.bytes for array in self.arrays)

    def find(self, pattern: str) -> str:
        """The first group of a pattern in the attributes; '' if it is not there."""
        found = re.search(pattern, self.attributes)
        return found.group(1) if found else ""

    @property
    def op_name(self) -> str:
        """Names of the functions, scopes and the primitive that asked for it."""
        return self.find(r'op_name="([^"]*)"')

    @property
    def calls(self) -> list[str]:
        """Computations that it applies."""
        single = r"(?:calls|to_apply|body|true_computation|false_computation)=(%[\w.\-]+)"
        several = self.find(r"branch_computations=\{([^}]*)\}")
        return re.findall(single, self.attributes) + re.findall(r"%[\w.\-]+", several)

    @functools.cached_property
    def window(self) -> Window:
        """Of a convolution."""
        text = self.find(r"window=\{([^}]*)\}")
        fields = dict(field.split("=") for field in text.split())
        ndim = max(0, len(self.find(r"dim_labels=(\w+)_")) - 2)
        ones = "x".join("1" * ndim)

        def numbers(field: str) -> tuple[int, ...]:
            return tuple(int(n) for n in fields.get(field, ones).split("x") if n)

        low = [int(pair.partition("_")[0]) for pair in fields.get("pad", "").split("x") if pair]
        return Window(
            numbers("size"),
            numbers("stride"),
            tuple(low or [0] * ndim),
            numbers("lhs_dilate"),
            numbers("rhs_dilate"),
        )

    @property
    def labels(self) -> tuple[str, str, str]:
        """What the axes of a convolution's input, kernel and result are: 'b01f', '01io', 'b01f'."""
        lhs, rhs, out = re.split("_|->", self.find(r"dim_labels=([\w>-]+)"))
        return lhs, rhs, out


@dataclasses.dataclass(frozen=True)
class Module:
    """A compiled program.

    Attributes:
        computations: their instructions, by name.
        entry: the name of the one that is run.
    """

    computations: dict[str, tuple[Instruction, ...]]
    entry: str

    @functools.cached_property
    def instructions(self) -> dict[str, Instruction]:
        """All of them by name, which is unique in a module."""
        every = (one for body in self.computations.values() for one in body)
        return {one.name: one for one in every}

    def operands(self, instruction: Instruction) -> list[Instruction]:
        """What an instruction applies to."""
        known = self.instructions
        return [known[name] for name in instruction.operands if name in known]

    def within(self, instruction: Instruction) -> Iterator[Instruction]:
        """Itself, if it is no fusion; else what is fused, fusions in fusions too."""
        if instruction.opcode not in ("fusion", "call", "async-start"):
            yield instruction
            return
        for name in instruction.calls:
            for one in self.computations.get(name, ()):
                yield from self.within(one)


_COMPUTATION = re.compile(r"^(ENTRY )?(%[\w.\-]+) \(.*\{\s*$")
_INSTRUCTION = re.compile(r"^\s*(ROOT )?(%[\w.\-]+) = (\(.*?\)|\S+) ([\w\-]+)\((.*)$")


def parse(text: str) -> Module:
    """Read a module.

    Args:
        text: as XLA prints it.

    Raises:
        ValueError: there is no ENTRY computation.
    """
    computations: dict[str, list[Instruction]] = {}
    entry, body = "", None
    for line in text.splitlines():
        if found := _COMPUTATION.match(line):
            body = computations.setdefault(found.group(2), [])
            entry = found.group(2) if found.group(1) else entry
        elif line.startswith("}"):
            body = None
        elif body is not None and (found := _INSTRUCTION.match(re.sub(r"/\*.*?\*/", "", line))):
            root, name, kind, opcode, rest = found.groups()
            end = _closing(rest)
            operands = tuple(re.findall(r"%[\w.\-]+", rest[:end]))
            body.append(Instruction(name, opcode, kind, operands, rest[end + 1 :], bool(root)))
    if not entry:
        raise ValueError(f"no HLO module: there is no ENTRY in {text[:80]!r}")
    return Module({name: tuple(body) for name, body in computations.items()}, entry)


def _closing(text: str) -> int:
    """Where the bracket ends that is open at the beginning."""
    depth = 1
    for place, letter in enumerate(text):
        depth += (letter in "({[") - (letter in ")}]")
        if not depth:
            return place
    return len(text)
