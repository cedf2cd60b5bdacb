"""A compiled program as the kernels that are launched: what each is, multiplies and moves."""

import dataclasses
import math
import re
from collections import Counter
from collections.abc import Iterator

from jaxdeconv.compilers.counting import products
from jaxdeconv.compilers.hlo import Instruction, Module

__all__ = ["TAG", "Kernel", "kernels"]

TAG = re.compile(r"jaxdeconv:(\d+)")
"""In the name stack of whatever computes a convolution of the program: which one."""

_FREE = {
    *("parameter", "constant", "tuple", "get-tuple-element", "bitcast", "after-all", "iota"),
    *("partition-id", "replica-id", "opt-barrier", "add-dependency", "domain"),
}
_MOVES = {
    *("parameter", "constant", "copy", "transpose", "bitcast", "reshape", "reverse", "pad"),
    *("slice", "convert", "broadcast", "tuple", "get-tuple-element", "concatenate"),
}
_VECTOR = {
    *("add", "subtract", "multiply", "divide", "maximum", "minimum", "negate", "abs", "select"),
    *("exponential", "log", "tanh", "logistic", "sqrt", "rsqrt", "power", "compare"),
}
_CUDNN = {
    "__cudnn$convForward": "cuDNN fprop",
    "__cudnn$convBackwardInput": "cuDNN dgrad",
    "__cudnn$convBackwardFilter": "cuDNN wgrad",
    "__cudnn$convBiasActivationForward": "cuDNN fprop + bias",
    "__cudnn$convForwardGraph": "cuDNN fprop graph",
}


@dataclasses.dataclass(frozen=True)
class Kernel:
    """One launch, or several of the same.

    Attributes:
        name: in the HLO.
        kind: as 'cuDNN dgrad', 'gemm', 'loop fusion'.
        dtype: of the first operand of its products, else of its first operand.
        tag: the convolution of the program that it belongs to; None if to none.
        times: how often it is launched.
        products: floating-point operations of matrix products and convolutions, one launch,
            multiplied zeros included, by convolution of the program: a fusion may hold several.
        vector_flops: of everything else.
        bytes: read and written in the device's memory, one launch.
        cycles: as a TPU's compiler estimates them, one launch; 0 where it does not.
        highest: whether float32 is multiplied without TF32 or bfloat16.
        moves: whether it moves numbers and computes nothing.
        running: whether it only starts or ends a copy that goes on beside other kernels.
    """

    name: str
    kind: str
    dtype: str
    tag: int | None
    times: int
    products: tuple[tuple[int | None, float], ...]
    vector_flops: float
    bytes: float
    cycles: int = 0
    highest: bool = False
    moves: bool = False
    running: bool = False

    @property
    def flops(self) -> float:
        """Of all its products, one launch."""
        return sum(flops for _, flops in self.products)


def kernels(module: Module, multiplies_dilation_zeros: bool) -> list[Kernel]:
    """The kernels of a program, in the order in which they are launched.

    A loop counts as often as XLA knows it to run, else once; of a condition every branch counts.
    Layout changes of an operand or a result, which XLA gives no name, belong to the convolution
    that alone uses or makes it.

    Args:
        module: the program.
        multiplies_dilation_zeros: whether the device multiplies the zeros of a dilated input.
    """
    found = [
        _kernel(module, instruction, times, multiplies_dilation_zeros)
        for instruction, times in _launched(module, module.entry, 1)
    ]
    return _adopted(module, found)


def _launched(module: Module, computation: str, times: int) -> Iterator[tuple[Instruction, int]]:
    for one in module.computations[computation]:
        if one.opcode == "while":
            trips = int(one.find(r'known_trip_count"?:\{"n":"?(\d+)') or 1)
            yield from _launched(module, one.find(r"body=(%[\w.\-]+)"), times * trips)
        elif one.opcode in ("call", "conditional"):
            for inner in one.calls:
                yield from _launched(module, inner, times)
        elif one.opcode not in _FREE and not one.opcode.endswith("-done"):
            yield one, times


def _kernel(module: Module, one: Instruction, times: int, zeros: bool) -> Kernel:
    body = list(module.within(one))
    heroes = [inner for inner in body if _products(module, inner, zeros)]
    inner = heroes[-1] if heroes else one  # what is before it is made for it
    operands = module.operands(inner)
    opcodes = {each.opcode for each in body}
    return Kernel(
        one.name,
        _kind(one, opcodes),
        operands[0].arrays[0].dtype if operands and operands[0].arrays else "",
        _tag(one, heroes, body),
        times,
        tuple((_tag_of(each), _products(module, each, zeros)) for each in heroes),
        sum(_vector(module, each) for each in body),
        _bytes(module, one),
        int(one.find(r'"estimated_cycles":"?(\d+)') or 0),
        "highest" in inner.find(r"operand_precision=\{([^}]*)\}"),
        one.opcode != "custom-call" and opcodes <= _MOVES,
        one.opcode.endswith("-start"),
    )


def _kind(one: Instruction, opcodes: set[str]) -> str:
    """What a kernel is, in a word or two."""
    target = one.find(r'custom_call_target="([^"]*)"')
    if target:
        known = _CUDNN.get(target, target.strip("_").replace("$", " "))
        return "gemm (cuBLAS)" if "gemm" in target or "matmul" in target else known
    if "convolution" in opcodes:
        return "convolution"
    if "dot" in opcodes:
        return "gemm (Triton)" if "triton" in one.attributes else "gemm"
    if one.opcode == "fusion":
        names = ("reduce", "scatter", "gather", "sort", "transpose", "pad", "reverse", "copy")
        hero = next((name for name in names if name in opcodes), "loop")
        return f"{hero} fusion"
    return one.opcode


def _tag(one: Instruction, heroes: list[Instruction], body: list[Instruction]) -> int | None:
    """Of what multiplies, of the whole, or of most of what is in it."""
    for each in (*heroes[::-1], one):
        if (tag := _tag_of(each)) is not None:
            return tag
    if heroes or one.op_name:
        return None
    inner = Counter(tag for each in body if (tag := _tag_of(each)) is not None)
    return inner.most_common(1)[0][0] if inner else None


def _tag_of(one: Instruction) -> int | None:
    found = TAG.search(one.op_name)
    return int(found.group(1)) if found else None


# --- arithmetic


def _products(module: Module, one: Instruction, zeros: bool) -> float:
    """Floating-point operations of a convolution or a matrix product; 0 of all else."""
    target = one.find(r'custom_call_target="([^"]*)"')
    arrays = [each.arrays[0] for each in module.operands(one) if each.arrays]
    if len(arrays) < 2 or not one.arrays:
        return 0.0
    complexes = 4 if arrays[0].dtype.startswith("c") else 1
    if one.opcode == "convolution" or target.startswith("__cudnn$conv"):
        lhs, rhs, out = arrays[0], arrays[1], one.arrays[0]
        kernel = out if target.endswith("BackwardFilter") else rhs
        images = {"BackwardInput": lhs, "BackwardFilter": rhs}.get(target[12:], out)
        per_result = kernel.shape[one.labels[1].index("i")] * math.prod(one.window.size)
        share = 1.0 if zeros or target else _not_dilated(one, lhs.shape, out.shape)
        return complexes * 2 * images.elements * per_result * share
    if one.opcode == "dot" or "gemm" in target or "matmul" in target:
        text = r"lhs_contracting_dim(?:ension)?s\"?[=:][\[{]\"?([\d,\"]*)"
        axes = [int(n) for n in re.findall(r"\d+", one.find(text))]
        depth = math.prod(arrays[0].shape[axis] for axis in axes)
        return complexes * 2 * depth * one.arrays[0].elements
    return 0.0


def _not_dilated(one: Instruction, lhs: tuple[int, ...], out: tuple[int, ...]) -> float:
    """The share of a convolution's products that do not meet a zero of the dilation."""
    window, labels, share = one.window, one.labels, 1.0
    for dim, taps in enumerate(window.size):
        size, results = (
            shape[label.index(str(dim))]
            for shape, label in zip((lhs, out), (labels[0], labels[2]), strict=True)
        )
        factors = window.lhs_dilation[dim], window.rhs_dilation[dim], window.stride[dim]
        met = products(size, taps, results, factors, window.low[dim], padded=True)
        share *= met / (taps * results)
    return share


def _vector(module: Module, one: Instruction) -> float:
    if one.opcode in _VECTOR and one.arrays:
        return float(one.arrays[0].elements)
    if one.opcode in ("reduce", "reduce-window"):
        arrays = [each.arrays[0] for each in module.operands(one) if each.arrays]
        return float(arrays[0].elements) if arrays else 0.0
    return 0.0


# --- traffic


def _bytes(module: Module, one: Instruction) -> float:
    """Read and written, each operand once; of one that is sliced, the slices."""
    if one.opcode.endswith("-start"):  # (operand, result, ...) in some order: one crosses over
        return max((array.bytes for array in one.arrays), default=0.0)
    if one.opcode == "dynamic-update-slice":
        return 2 * module.operands(one)[1].bytes
    if one.opcode in ("slice", "dynamic-slice"):
        return 2 * one.bytes
    if one.opcode != "fusion":
        result = one.arrays[:1] if one.opcode == "custom-call" else one.arrays  # less workspace
        return sum(a.bytes for a in result) + sum(each.bytes for each in module.operands(one))
    body = module.computations[one.calls[0]]
    root = next(each for each in body if each.root)
    written = one.bytes
    if root.opcode == "dynamic-update-slice":
        written = module.operands(root)[1].bytes
    return written + sum(_read(body, each) for each in body if each.opcode == "parameter")


def _read(body: tuple[Instruction, ...], parameter: Instruction) -> float:
    """What a fusion reads of a parameter."""
    users = [each for each in body if parameter.name in each.operands]
    if users and all(
        each.opcode == "dynamic-update-slice" and each.operands[0] == parameter.name
        for each in users
    ):
        return 0.0  # written in place
    if users and all(each.opcode in ("slice", "dynamic-slice") for each in users):
        return min(parameter.bytes, sum(each.bytes for each in users))
    return parameter.bytes


# --- what has no name


def _adopted(module: Module, found: list[Kernel]) -> list[Kernel]:
    """Kernels that only move numbers, with the tag of what uses their result, or makes it."""
    uses = _uses(module)
    tags = {one.name: one.tag for one in found}
    for one in reversed(found):  # what is used is known before it is made
        if one.tag is None and one.moves:
            tags[one.name] = _only(tags.get(name) for name in uses.get(one.name, ()))
    for one in found:
        if tags[one.name] is None and one.moves:
            makers = (_made_by(module, name) for name in module.instructions[one.name].operands)
            tags[one.name] = _only(tags.get(name) for name in makers)
    return [dataclasses.replace(one, tag=tags[one.name]) for one in found]


def _uses(module: Module) -> dict[str, set[str]]:
    """Of every instruction those that use it, through tuples and bitcasts."""
    uses: dict[str, set[str]] = {}
    for body in module.computations.values():
        for one in reversed(body):
            beyond = uses.get(one.name, set()) if one.opcode in _FREE else {one.name}
            for name in one.operands:
                uses.setdefault(name, set()).update(beyond)
    return uses


def _made_by(module: Module, name: str) -> str:
    """The kernel behind tuples and bitcasts."""
    one = module.instructions.get(name)
    while one is not None and one.opcode in ("get-tuple-element", "bitcast") and one.operands:
        name = one.operands[0]
        one = module.instructions.get(name)
    return name


def _only(tags: Iterator[int | None]) -> int | None:
    distinct = set(tags)
    return distinct.pop() if len(distinct) == 1 else None
