"""oneDNN's documented C API, as far as it is used here: the shared library and its functions.

The library comes from the package `onednn-cpu-gomp` (extra `cpu`; Linux on x86-64). Its header
`dnnl.h` is the reference for the functions, `dnnl_types.h` for the numbers.

References: https://uxlfoundation.github.io/oneDNN, version 3.2.
"""

import contextlib
import ctypes
import functools
import importlib.metadata
import os
from collections.abc import Callable, Iterator, Sequence
from ctypes import byref, c_char_p, c_int, c_int64, c_size_t, c_void_p
from typing import Any

DISTRIBUTION = "onednn-cpu-gomp"

FLOAT32, BFLOAT16 = 3, 2
SRC, DST, WEIGHTS, SCRATCHPAD = 1, 17, 33, 80
DIFF_SRC, DIFF_DST, DIFF_WEIGHTS = 129, 145, 161
"""The roles of memory in an execution: `DNNL_ARG_...`."""

QUERY_IMPLEMENTATION, QUERY_SCRATCHPAD = 8, 136
QUERY_MEMORY = {WEIGHTS: 131, DIFF_WEIGHTS: 132}

_STATUS = {
    1: "out of memory",
    2: "invalid arguments",
    3: "unimplemented",
    4: "no further implementation",
    5: "runtime error",
    6: "not required",
}
_LAST_IMPLEMENTATION = 4
_ANY_FORMAT = 1
_INFERENCE, _DIRECT = 96, 1
_CPU, _IN_ORDER, _USER_SCRATCHPAD = 1, 1, 1
_MOST_DIMS = 12

_SPINS = "10000"
"""Rounds for which a waiting thread of libgomp looks for work before it sleeps: 0.1 ms. So it is
awake from the packing of weights to the convolution, and soon leaves its core to XLA's threads."""

_SIGNATURES: dict[str, list[Any]] = {
    "dnnl_engine_create": [c_void_p, c_int, c_size_t],
    "dnnl_stream_create": [c_void_p, c_void_p, c_int],
    "dnnl_stream_wait": [c_void_p],
    "dnnl_memory_desc_create_with_strides": [c_void_p, c_int, c_void_p, c_int, c_void_p],
    "dnnl_memory_desc_create_with_tag": [c_void_p, c_int, c_void_p, c_int, c_int],
    "dnnl_memory_desc_destroy": [c_void_p],
    "dnnl_memory_create": [c_void_p, c_void_p, c_void_p, c_void_p],
    "dnnl_memory_set_data_handle": [c_void_p, c_void_p],
    "dnnl_memory_destroy": [c_void_p],
    "dnnl_primitive_attr_create": [c_void_p],
    "dnnl_primitive_attr_set_scratchpad_mode": [c_void_p, c_int],
    "dnnl_primitive_desc_query": [c_void_p, c_int, c_int, c_void_p],
    "dnnl_primitive_desc_next_impl": [c_void_p],
    "dnnl_primitive_desc_destroy": [c_void_p],
    "dnnl_primitive_create": [c_void_p, c_void_p],
    "dnnl_primitive_execute": [c_void_p, c_void_p, c_int, c_void_p],
    "dnnl_primitive_destroy": [c_void_p],
    "dnnl_reorder_primitive_desc_create": [c_void_p] * 6,
    "dnnl_convolution_forward_primitive_desc_create": [c_void_p, c_void_p, c_int, c_int]
    + [c_void_p] * 9,
    "dnnl_convolution_backward_data_primitive_desc_create": [c_void_p, c_void_p, c_int]
    + [c_void_p] * 9,
    "dnnl_convolution_backward_weights_primitive_desc_create": [c_void_p, c_void_p, c_int]
    + [c_void_p] * 10,
}
"""All return a status."""


class DnnlError(RuntimeError):
    """A call of oneDNN that failed: which, and its status in words."""


class Argument(ctypes.Structure):
    """`dnnl_exec_arg_t`: the memory that plays one role in an execution."""

    _fields_ = [("role", c_int), ("memory", c_void_p)]


class Library:
    """The loaded library with its one engine and its one stream, both of the CPU."""

    def __init__(self, path: str) -> None:
        self._library = ctypes.CDLL(path)  # its calls release the interpreter's lock
        openmp = _openmp(self._library)
        self._get_threads = openmp.omp_get_max_threads
        self._set_threads = openmp.omp_set_num_threads
        self.threads = _threads()
        for name, types in _SIGNATURES.items():
            function = getattr(self._library, name)
            function.argtypes, function.errcheck = types, _checked
        self._library.dnnl_primitive_desc_query_md.restype = c_void_p
        self._library.dnnl_primitive_desc_query_md.argtypes = [c_void_p, c_int, c_int]
        self._library.dnnl_memory_desc_get_size.restype = c_size_t
        self._library.dnnl_memory_desc_get_size.argtypes = [c_void_p]
        self._library.dnnl_memory_desc_equal.argtypes = [c_void_p, c_void_p]
        self.engine = self.create("engine_create", _CPU, 0)
        self.stream = self.create("stream_create", self.engine, _IN_ORDER)
        self._execute = self.function("primitive_execute")
        self._wait = self.function("stream_wait")
        # a scratchpad of ours: oneDNN's own belongs to the thread that made the primitive, and
        # XLA executes in any thread
        self.attributes = self.create("primitive_attr_create")
        self.call("primitive_attr_set_scratchpad_mode", self.attributes, _USER_SCRATCHPAD)

    def function(self, name: str) -> Callable[..., Any]:
        """`dnnl_name`, which raises `DnnlError` unless it succeeds."""
        function: Callable[..., Any] = getattr(self._library, f"dnnl_{name}")
        return function

    def call(self, name: str, *args: Any) -> None:
        """`dnnl_name(*args)`; raises `DnnlError` unless it succeeds."""
        self.function(name)(*args)

    def create(self, name: str, *args: Any) -> c_void_p:
        """What `dnnl_name(&result, *args)` makes."""
        result = c_void_p()
        self.call(name, byref(result), *args)
        return result

    def layout(self, shape: Sequence[int], strides: Sequence[int], dtype: int) -> c_void_p:
        """A memory descriptor of a strided array; strides count entries."""
        return self.create(
            "memory_desc_create_with_strides", len(shape), dims(shape), dtype, dims(strides)
        )

    def any_layout(self, shape: Sequence[int], dtype: int) -> c_void_p:
        """A memory descriptor whose layout oneDNN may choose."""
        return self.create(
            "memory_desc_create_with_tag", len(shape), dims(shape), dtype, _ANY_FORMAT
        )

    def memory(self, layout: Any) -> c_void_p:
        """A memory object without data."""
        return self.create("memory_create", layout, self.engine, None)

    def size(self, layout: Any) -> int:
        """Bytes of a layout."""
        return int(self._library.dnnl_memory_desc_get_size(layout))

    def equal(self, first: Any, second: Any) -> bool:
        """Whether two layouts are the same."""
        return bool(self._library.dnnl_memory_desc_equal(first, second))

    def layout_of(self, description: c_void_p, query: int) -> c_void_p:
        """A layout that a primitive description has chosen; it belongs to the description."""
        return c_void_p(self._library.dnnl_primitive_desc_query_md(description, query, 0))

    def implementation(self, description: c_void_p) -> str:
        """The name of the implementation that a description stands for."""
        name = c_char_p()
        self.call("primitive_desc_query", description, QUERY_IMPLEMENTATION, 0, byref(name))
        return (name.value or b"").decode()

    def next_implementation(self, description: c_void_p) -> bool:
        """Turn to the next implementation, if there is one."""
        return not self._library.dnnl_primitive_desc_next_impl(description)

    @contextlib.contextmanager
    def described(
        self,
        direction: str,
        layouts: Sequence[Any],
        hint: Sequence[Any],
        window: Sequence[Any],
    ) -> Iterator[c_void_p]:
        """A primitive description, while it is in use.

        Args:
            direction: 'forward', 'backward_data' or 'backward_weights'.
            layouts: of source, weights and destination.
            hint: the same, of the forward pass that a backward pass belongs to.
            window: strides, dilations, padding before and after, each an array of `dims`.
        """
        source, weights, destination = layouts if direction == "forward" else hint
        forward = self.create(
            "convolution_forward_primitive_desc_create",
            *(self.engine, _INFERENCE, _DIRECT, source, weights, None, destination),
            *(*window, self.attributes),
        )
        description = forward
        try:
            if direction != "forward":
                source, weights, destination = layouts
                no_bias = (None,) if direction == "backward_weights" else ()
                # the hint is read as long as the description is there
                description = self.create(
                    f"convolution_{direction}_primitive_desc_create",
                    *(self.engine, _DIRECT, source, weights, *no_bias, destination),
                    *(*window, forward, self.attributes),
                )
            yield description
        finally:
            for made in {description.value: description, forward.value: forward}.values():
                self.call("primitive_desc_destroy", made)

    def reorder(self, source: Any, destination: Any) -> c_void_p:
        """A primitive that brings one layout to another."""
        description = self.create(
            "reorder_primitive_desc_create", source, self.engine, destination, self.engine, None
        )
        try:
            return self.create("primitive_create", description)
        finally:
            self.call("primitive_desc_destroy", description)

    @contextlib.contextmanager
    def on(self, threads: int) -> Iterator[None]:
        """Use so many threads in what is made and run inside: the same number for both.

        OpenMP's number belongs to the calling thread, which may be the user's.
        """
        before = self._get_threads()
        self._set_threads(threads)
        try:
            yield
        finally:
            self._set_threads(before)

    def execute(self, primitive: c_void_p, arguments: Any, threads: int) -> None:
        """Run a primitive that was made for so many threads, and wait for it."""
        before = self._get_threads()  # not by `on`, which takes longer than small passes
        self._set_threads(threads)
        try:
            self._execute(primitive, self.stream, len(arguments), arguments)
            self._wait(self.stream)
        finally:
            self._set_threads(before)


def _checked(status: int, function: Any, arguments: Any) -> int:  # noqa: ARG001
    if status and not (status == _LAST_IMPLEMENTATION and "next_impl" in function.__name__):
        raise DnnlError(f"{function.__name__}: {_STATUS.get(status, f'status {status}')}")
    return status


def dims(values: Sequence[int]) -> Any:
    """`dnnl_dims_t`."""
    return (c_int64 * _MOST_DIMS)(*values)


def arguments(memories: dict[int, c_void_p]) -> Any:
    """The array of arguments of an execution, from memories by role."""
    return (Argument * len(memories))(*(Argument(*item) for item in memories.items()))


def path() -> str | None:
    """Where the installed package has the library; None if it is not installed."""
    try:
        files = importlib.metadata.files(DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    found = [file for file in files if file.name.startswith("libdnnl.so")]
    return str(min(found, key=lambda file: len(file.name)).locate()) if found else None


@functools.cache
def missing() -> str:
    """Why there is no oneDNN; '' if there is."""
    if path() is None:
        return f"oneDNN is not installed: pip install {DISTRIBUTION}"
    try:
        load()
    except (OSError, AttributeError, DnnlError) as error:
        return f"oneDNN cannot be loaded: {error}"
    return ""


@functools.cache
def load() -> Library:
    """The library, loaded once.

    Its threads spin for a moment only, which would take cores from XLA's; unless the user said
    otherwise, or libgomp is there already.
    """
    found = path()
    assert found is not None
    if not {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"}.isdisjoint(os.environ):
        return Library(found)
    os.environ["GOMP_SPINCOUNT"] = _SPINS  # read when libgomp is loaded
    try:
        return Library(found)
    finally:
        del os.environ["GOMP_SPINCOUNT"]


def _openmp(library: ctypes.CDLL) -> ctypes.CDLL:
    """The library of threads that is called: that which PyTorch shares, if it did."""
    shared = ctypes.CDLL(None)
    return shared if hasattr(shared, "omp_set_num_threads") else library


def _threads() -> int:
    """How many threads a large pass uses: as many as XLA, unless OpenMP is told otherwise."""
    told = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return (int(told) if told.isdecimal() else 0) or cores()


def cores() -> int:
    """How many cores this process may use, as XLA counts them."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
