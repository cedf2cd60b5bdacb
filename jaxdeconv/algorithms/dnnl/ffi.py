"""A handler of XLA's foreign function interface in Python, by its documented C structures.

XLA calls the handler with a frame: the addresses of operands and results, and the attributes of the
call. The only attribute here is a text, which says all that the call is to compute. So a compiled
program means the same in every process, also one that was read from a cache.

References: xla/ffi/api/c_api.h, which jaxlib installs; any newer version takes a handler of 0.3.
"""

import _thread
import ctypes
import threading
from collections.abc import Callable
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_int, c_int64, c_size_t, c_void_p
from typing import Any

import jax

_VERSION = (0, 3)
_METADATA, _EXECUTE, _INTERNAL = 1, 3, 13


class _Sized(Structure):
    _fields_ = [("size", c_size_t), ("extension", c_void_p)]


class _Text(Structure):
    _fields_ = [("start", c_void_p), ("length", c_size_t)]


class _Buffer(_Sized):
    _fields_ = [
        ("dtype", c_int),
        ("data", c_void_p),
        ("rank", c_int64),
        ("dims", c_void_p),
    ]


class _Buffers(_Sized):
    _fields_ = [
        ("count", c_int64),
        ("types", c_void_p),
        ("buffers", POINTER(POINTER(_Buffer))),
    ]


class _Attributes(_Sized):
    _fields_ = [
        ("count", c_int64),
        ("types", c_void_p),
        ("names", c_void_p),
        ("values", POINTER(POINTER(_Text))),
    ]


class _Version(_Sized):
    _fields_ = [("major", c_int), ("minor", c_int)]


class _Metadata(Structure):
    _fields_ = [("size", c_size_t), ("version", _Version)]


class _Extension(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("kind", c_int),
        ("next", c_void_p),
        ("metadata", POINTER(_Metadata)),
    ]


class _Error(_Sized):
    _fields_ = [("message", c_char_p), ("code", c_int)]


_CreateError = CFUNCTYPE(c_void_p, POINTER(_Error))


class _Api(_Sized):
    _fields_ = [
        ("version", _Version),
        ("internal", c_void_p),
        ("create_error", _CreateError),
    ]


class _Frame(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("extension", POINTER(_Extension)),
        ("api", POINTER(_Api)),
        ("context", c_void_p),
        ("stage", c_int),
        ("operands", _Buffers),
        ("results", _Buffers),
        ("attributes", _Attributes),
    ]


_Handler = CFUNCTYPE(c_void_p, POINTER(_Frame))
_PyCapsule_New = ctypes.PYFUNCTYPE(ctypes.py_object, c_void_p, c_char_p, c_void_p)(
    ("PyCapsule_New", ctypes.pythonapi)
)
_HANDLERS: list[Any] = []  # kept, as XLA has their addresses

Run = Callable[[bytes, list[int], list[int]], None]
"""(the attribute, addresses of the operands, addresses of the results) -> None; may raise."""


def register(name: str, run: Run) -> None:
    """Make `run` what XLA calls for the target `name` on CPUs."""

    def handle(pointer: Any) -> int | None:
        frame = pointer.contents
        try:
            extension = frame.extension
            if extension and extension.contents.kind == _METADATA:
                version = extension.contents.metadata.contents.version
                version.major, version.minor = _VERSION
            elif frame.stage == _EXECUTE:
                text = frame.attributes.values[0].contents
                attribute = ctypes.string_at(text.start, text.length)
                run(attribute, _addresses(frame.operands), _addresses(frame.results))
        except BaseException as error:  # nothing may be raised into XLA
            if isinstance(error, KeyboardInterrupt):  # it would be taken for an error of XLA's
                threading.Timer(0.1, _thread.interrupt_main).start()
            message = f"{type(error).__name__}: {error}".encode()
            failed = _Error(ctypes.sizeof(_Error), None, message, _INTERNAL)
            return frame.api.contents.create_error(ctypes.byref(failed))
        return None

    handler = _Handler(handle)
    _HANDLERS.append(handler)
    address = ctypes.cast(handler, c_void_p)
    jax.ffi.register_ffi_target(name, _PyCapsule_New(address, None, None), platform="cpu")


def _addresses(buffers: Any) -> list[int]:
    return [buffers.buffers[i].contents.data for i in range(buffers.count)]
