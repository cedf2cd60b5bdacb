"""The three passes of oneDNN over a convolution: K forward, K^T backward data, G backward weights.

v, u and w keep their canonical layout, channels last; oneDNN chooses a layout for the weights, into
which w is brought at every call, or from which the gradient is brought back.

Its deconvolutions are not used: they are the same kernels, and take a hundred times as long to
describe (oneDNN 3.2).
"""

import contextlib
import dataclasses
import functools
import json
import math
import re
from collections.abc import Iterator
from ctypes import c_void_p
from typing import Any

import numpy as np

from jaxdeconv.algorithms.dnnl import library as dnnl
from jaxdeconv.algorithms.dnnl.library import Library

_DTYPES = {"float32": dnnl.FLOAT32, "bfloat16": dnnl.BFLOAT16}
_SLOW = re.compile(r"(?<!br)gemm|\bref\b|\bsimple\b")
"""Implementations by products of im2col matrices, and plain loops: ours are faster.

They end a process that leaves their working memory to oneDNN: it keeps it per thread, where the
primitive was made, and other threads of XLA have none. With working memory of the caller's, as
everywhere here, they give the right numbers in any thread.
"""

ALIGNMENT = 64
"""Of working memory, in bytes: a cache line and a vector register."""

_FEW_OPERATIONS, _FEW_BYTES = 5e6, 2**19
"""Less than this takes less time than a second thread needs to wake up."""

_DIRECTIONS = {
    "conv": "forward",
    "conv_transpose": "backward_data",
    "kernel_gradient": "backward_weights",
}


@dataclasses.dataclass(frozen=True)
class Pass:
    """One pass with everything static about it, in integers and names; sizes are those of K.

    Attributes:
        leg: what it computes.
        dtype: of the operands.
        result_dtype: of the result.
        batch: images.
        in_channels: of v, all groups together.
        out_channels: of u.
        input_size: of v.
        kernel_size: of w.
        stride: per spatial dimension.
        padding: (low, high); low is not negative.
        dilation: per spatial dimension.
        groups: of channels.
    """

    leg: str
    dtype: str
    result_dtype: str
    batch: int
    in_channels: int
    out_channels: int
    input_size: tuple[int, ...]
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int

    @property
    def text(self) -> str:
        """All of it as a text, from which `read` makes it again."""
        return json.dumps(dataclasses.astuple(self), separators=(",", ":"))

    @property
    def reach(self) -> tuple[int, ...]:
        """From the first to the last tap, in cells."""
        return tuple(d * (k - 1) + 1 for d, k in zip(self.dilation, self.kernel_size, strict=True))

    @property
    def output_size(self) -> tuple[int, ...]:
        """Of u."""
        sizes = zip(self.input_size, self.padding, self.reach, self.stride, strict=True)
        return tuple((n + low + high - reach) // s + 1 for n, (low, high), reach, s in sizes)

    @property
    def result_shape(self) -> tuple[int, ...]:
        """Channels last, the kernel's input and output channels too."""
        if self.leg == "kernel_gradient":
            return (*self.kernel_size, self.in_channels // self.groups, self.out_channels)
        if self.leg == "conv":
            return (self.batch, *self.output_size, self.out_channels)
        return (self.batch, *self.input_size, self.in_channels)

    @property
    def is_small(self) -> bool:
        """Whether one thread is faster than several."""
        positions, cells = (
            self.batch * math.prod(size) for size in (self.output_size, self.input_size)
        )
        entries = math.prod(self.kernel_size) * self.in_channels // self.groups * self.out_channels
        arrays = positions * self.out_channels + cells * self.in_channels + entries
        return 2 * positions * entries < _FEW_OPERATIONS and 4 * arrays < _FEW_BYTES

    @property
    def direction(self) -> str:
        """OneDNN's word for the pass."""
        return _DIRECTIONS[self.leg]


def read(text: bytes) -> Pass:
    """The pass of a text."""
    return Pass(*_tuples(json.loads(text)))


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def rejected(one: Pass) -> str:
    """Why oneDNN cannot do a pass fast; '' if it can."""
    return _chosen(one)[1]


def is_filled_up(one: Pass) -> bool:
    """Whether a pass over groups of one channel fills them up, having no kernel for them."""
    alone = 1 < one.groups == one.in_channels == one.out_channels
    return alone and not dnnl.missing() and "_dw" not in _chosen(one)[0]


@functools.lru_cache(maxsize=4096)
def _chosen(one: Pass) -> tuple[str, str]:
    """The implementation of a pass; and why there is none that is fast, or ''."""
    library = dnnl.load()
    try:
        with _described(library, one) as (_, description):
            names = _tried(library, description)
    except dnnl.DnnlError as error:
        return "", f"oneDNN has no such pass: {error}"
    slow = f"oneDNN has only slow kernels: {', '.join(names)}" if _SLOW.search(names[-1]) else ""
    return names[-1], slow


def _tried(library: Library, description: c_void_p) -> list[str]:
    """Turn to the first implementation that is fast, or to the last; the names up to it."""
    names = [library.implementation(description)]
    while _SLOW.search(names[-1]) and library.next_implementation(description):
        names.append(library.implementation(description))
    return names


class Execution:
    """A pass made ready to run any number of times, one at a time.

    Attributes:
        name: of oneDNN's implementation.
        scratch: bytes of working memory that a run needs.
    """

    def __init__(self, library: Library, one: Pass) -> None:
        self._library = library
        self._gradient = one.direction == "backward_weights"
        self._order = _order(one)
        self._threads = _threads(library, one)
        with _described(library, one) as (layouts, description):
            self.name = _tried(library, description)[-1]
            if _SLOW.search(self.name):
                raise dnnl.DnnlError("the pass has only slow kernels")
            self._primitive = library.create("primitive_create", description)
            self._memories = [library.memory(layout) for layout in layouts]
            weights = dnnl.DIFF_WEIGHTS if self._gradient else dnnl.WEIGHTS
            packed = library.layout_of(description, dnnl.QUERY_MEMORY[weights])
            self._pack(layouts[1], packed)
            scratchpad = library.layout_of(description, dnnl.QUERY_SCRATCHPAD)
            self._scratchpad = library.memory(scratchpad)
            self.scratch = self._packed_bytes + library.size(scratchpad)
        source, _, destination = self._memories
        trio = (source, self._packed, destination)
        roles = dict(zip(_ROLES[one.direction], trio, strict=True))
        self._arguments = dnnl.arguments(roles | {dnnl.SCRATCHPAD: self._scratchpad})

    def _pack(self, plain: c_void_p, packed: c_void_p) -> None:
        """The weights as oneDNN wants them: in working memory, or where they are."""
        library, self._reorder, self._packed_bytes = self._library, None, 0
        self._packing_threads = 1
        self._packed = self._memories[1]
        if library.equal(packed, plain):
            return
        self._packed = library.memory(packed)
        self._packed_bytes = -(-library.size(packed) // ALIGNMENT) * ALIGNMENT
        if self._packed_bytes > _FEW_BYTES:
            self._packing_threads = library.threads
        layouts, ends = (plain, packed), (self._memories[1], self._packed)
        if self._gradient:
            layouts, ends = layouts[::-1], ends[::-1]
        with library.on(self._packing_threads):
            self._reorder = library.reorder(*layouts)
        self._reorder_arguments = dnnl.arguments({dnnl.SRC: ends[0], dnnl.DST: ends[1]})

    def run(self, operands: list[int], result: int, scratch: int) -> None:
        """Compute, from the addresses of the operands, of the result and of working memory."""
        library = self._library
        addresses = (*operands, result)
        place = library.function("memory_set_data_handle")
        for memory, which in zip(self._memories, self._order, strict=True):
            place(memory, addresses[which])
        if self._reorder:
            place(self._packed, scratch)
        place(self._scratchpad, scratch + self._packed_bytes)
        if not self._gradient:
            self._repack()
        library.execute(self._primitive, self._arguments, self._threads)
        if self._gradient:
            self._repack()

    def _repack(self) -> None:
        if self._reorder:
            self._library.execute(self._reorder, self._reorder_arguments, self._packing_threads)

    def close(self) -> None:
        """Give back what oneDNN holds for it."""
        library = self._library
        library.call("primitive_destroy", self._primitive)
        for memory in (*self._memories, self._scratchpad):
            library.call("memory_destroy", memory)
        if self._reorder:
            library.call("memory_destroy", self._packed)
            library.call("primitive_destroy", self._reorder)


_RESULTS = {"conv": "u", "conv_transpose": "v", "kernel_gradient": "w"}

_ROLES = {
    "forward": (dnnl.SRC, dnnl.WEIGHTS, dnnl.DST),
    "backward_data": (dnnl.DIFF_SRC, dnnl.WEIGHTS, dnnl.DIFF_DST),
    "backward_weights": (dnnl.SRC, dnnl.DIFF_WEIGHTS, dnnl.DIFF_DST),
}
"""What source, weights and destination are to a pass."""


def _order(one: Pass) -> tuple[int, int, int]:
    """Where source, weights and destination are among the two operands and the result.

    The operands of the legs are (v, w), (u, w) and (u, v).
    """
    places = {
        "conv": {"v": 0, "w": 1, "u": 2},
        "conv_transpose": {"u": 0, "w": 1, "v": 2},
        "kernel_gradient": {"u": 0, "v": 1, "w": 2},
    }[one.leg]
    return places["v"], places["w"], places["u"]


def _threads(library: Library, one: Pass) -> int:
    return 1 if one.is_small else library.threads


@contextlib.contextmanager
def _described(library: Library, one: Pass) -> Iterator[tuple[tuple[c_void_p, ...], c_void_p]]:
    """The layouts of source, weights and destination as they are, and oneDNN's description."""
    shape, strides = _weights(one)
    operand, result = _DTYPES[one.dtype], _DTYPES[one.result_dtype]
    made = {
        (name, dtype): layout
        for dtype in {operand, result}
        for name, layout in (
            ("v", _signal(library, one.batch, one.in_channels, one.input_size, dtype)),
            ("u", _signal(library, one.batch, one.out_channels, one.output_size, dtype)),
            ("w", library.layout(shape, strides, dtype)),
            ("any", library.any_layout(shape, dtype)),
        )
    }
    plain = [made[name, result if name == _RESULTS[one.leg] else operand] for name in "vwu"]
    free = "any", result if one.leg == "kernel_gradient" else operand
    layouts = (plain[0], made[free], plain[2])
    hint = tuple(made[name, operand] for name in ("v", "any", "u"))
    before = [low for low, _ in one.padding]
    after = [  # exactly as far as the last output position reaches, which may be less than high
        (places - 1) * stride + taps - low - size
        for places, stride, taps, low, size in zip(
            one.output_size, one.stride, one.reach, before, one.input_size, strict=True
        )
    ]
    window = [dnnl.dims(x) for x in (one.stride, [d - 1 for d in one.dilation], before, after)]
    try:
        with (
            library.on(_threads(library, one)),
            library.described(one.direction, layouts, hint, window) as description,
        ):
            yield tuple(plain), description
    finally:
        for layout in made.values():
            library.call("memory_desc_destroy", layout)


def _signal(
    library: Library, batch: int, channels: int, size: tuple[int, ...], dtype: int
) -> c_void_p:
    """The layout of v or u: oneDNN counts axes as batch, channels, spatial."""
    steps = np.cumprod([channels, *size[::-1]])[::-1].tolist()  # of batch and all axes but the last
    return library.layout((batch, channels, *size), (steps[0], 1, *steps[1:]), dtype)


def _weights(one: Pass) -> tuple[list[int], list[int]]:
    """Shape and strides of w, [*kernel, in/groups, groups * out/groups], in oneDNN's axes.

    These are (groups,) output and input channels of the convolution or deconvolution, and taps.
    """
    groups, within = one.groups, one.out_channels // one.groups
    rows = one.in_channels // groups
    steps = np.cumprod([rows * one.out_channels, *one.kernel_size[::-1]])[::-1].tolist()[1:]
    axes = [(within, 1), (rows, one.out_channels), *zip(one.kernel_size, steps, strict=True)]
    if groups > 1:
        axes.insert(0, (groups, within))
    return [size for size, _ in axes], [step for _, step in axes]
