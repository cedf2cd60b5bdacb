"""Operator objects of any library: their maps, found by the names of their methods."""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any, TypeAlias, Unpack

import jax
import numpy as np

from jaxdeconv.errors import ArgumentTypeError, reporting
from jaxdeconv.verify.api import Options, adjoint
from jaxdeconv.verify.derived import by_autograd, by_vjp
from jaxdeconv.verify.elements import Elements, between, elements_like, elements_of
from jaxdeconv.verify.pairing import Inner, Ring, conjugated
from jaxdeconv.verify.report import Report
from jaxdeconv.verify.tensors import has_tensors

__all__ = ["Reading", "operator", "read"]

Map: TypeAlias = Callable[[Any], Any]

FORWARD = ("mv", "matvec", "direct", "A")
"""Methods that apply an operator, before calling it and `@` are tried."""

BACKWARD = ("rmatvec", "A_adjoint", "adj", "H", "adjoint", "T", "transpose")
"""Where an operator has its adjoint: methods that apply it, or the operator itself."""


@dataclasses.dataclass(frozen=True)
class Reading:
    """An operator object as a pair of maps.

    Attributes:
        A: the map.
        At: its adjoint; None where the object has none.
        domain: what A takes.
        over: see `adjoint`.
        inner: see `adjoint`.
    """

    A: Map
    At: Map | None
    domain: Any
    over: Ring = None
    inner: Inner = None


@reporting
def operator(op: Any, *, domain: Any = None, key: Any = None, **options: Unpack[Options]) -> Report:
    """Is the adjoint that an operator object has the adjoint of the map that it is?

    For matrices, dense and sparse, and the operators of SciPy, pylops, lineax, scico, sigpy, ODL,
    CIL, deepinv, PyTorch and this package. None of them is imported; what counts is the names:

    - the map: `mv`, `matvec`, `direct`, `A`, a call, or `@`;
    - the adjoint: `rmatvec`, `A_adjoint`, `adj`, `H`, `adjoint`, or, conjugated, `T`;
    - the domain: `in_structure`, `input_shape`, `ishape`, `domain`, `domain_geometry`, or `shape`
      with `dtype`.

    A function of JAX or PyTorch without any of them is compared with its own derivative, e.g. with
    the rule of a `jax.custom_vjp` or a `torch.autograd.Function`.

    Operators that are linear over the reals only (pylops' `Conj`, its real FFT) are checked over
    the reals, those of ODL in its weighted inner products.

    Args:
        op: the object; or a pair `(A, At)` of objects or functions.
        domain: what it takes, where the object does not say it, or other dtypes than it says:
            arrays, tensors or `jax.ShapeDtypeStruct`. NumPy's arrays are given where it is made
            of these.
        key: see `adjoint`.
        **options: of `adjoint`.

    Returns:
        See `adjoint`. Results of a wrong shape are a failure.

    Raises:
        TypeError: the object has no map, no adjoint, or no domain.
        ValueError: as `adjoint`.

    Cost: as `adjoint`.

    Example:
        >>> import numpy as np
        >>> operator(np.array([[1.0, 2.0, 0.0], [0.0, 1.0, 3.0]]), key=0).status
        'pass'

        >>> class Difference:
        ...     shape, dtype = (4, 5), np.dtype("float64")
        ...
        ...     def matvec(self, v):
        ...         return v[1:] - v[:-1]
        ...
        ...     def rmatvec(self, u):
        ...         return np.append(0, u)
        >>> report = operator(Difference(), key=0)
        >>> report.status, report.place
        ('fail', 'output [0], input [0]: expected -1.0, got 0.0')
    """
    reading = read(op, domain, derive=True)
    if reading.At is None:
        raise ArgumentTypeError(
            "op must have an adjoint",
            f"Looked for {', '.join(BACKWARD)}. Pass a pair (A, At) with domain=.",
            op=op,
        )
    options.setdefault("over", reading.over)
    options.setdefault("inner", reading.inner)
    return adjoint(reading.A, reading.At, reading.domain, key=key, **options)


def read(op: Any, domain: Any = None, derive: bool = False) -> Reading:
    """An operator object, a pair, or a function, as maps of arrays.

    Args:
        op: see `operator`.
        domain: see `operator`.
        derive: whether the adjoint of a function without one is its derivative's.

    Raises:
        TypeError: it has no map or no domain.
    """
    At: Map | None
    if isinstance(op, tuple) and len(op) == 2:
        A, At, op = _map_of(op[0]), _map_of(op[1]), op[0]
    else:
        op = np.asarray(op) if isinstance(op, np.matrix) else op
        A, At = _map_of(op), _adjoint_of(op)
    elements = elements_of(op) if domain is None else _with_domain(op, domain)
    if elements is None:
        raise ArgumentTypeError(
            "op must say what it takes, or domain must",
            "Pass domain=, an array or a jax.ShapeDtypeStruct.",
            op=op,
        )
    if At is None and derive:
        At = _derived(A, elements, domain)
    domain, enter, enter_codomain = elements.domain, elements.enter, elements.enter_codomain
    back = None if At is None else between(enter_codomain, At)
    return Reading(between(enter, A), back, domain, elements.over, elements.inner)


def _with_domain(op: Any, domain: Any) -> Elements:
    """The user's domain, in the ring and the inner products of the object."""
    own = None if callable(op) and not hasattr(op, "shape") else elements_of(op)
    given = elements_like(domain)
    if own is None or given.enter is not None:
        return given
    return dataclasses.replace(own, domain=domain)


def _map_of(op: Any) -> Map:
    """What applies an operator to a member of its domain."""
    for name in FORWARD:
        if callable(getattr(op, name, None)):
            return getattr(op, name)
    if callable(op):
        return op
    if not hasattr(op, "__matmul__") or len(getattr(op, "shape", (1, 1))) != 2:
        names = ", ".join(FORWARD)
        raise ArgumentTypeError(
            "op must be a linear operator",
            f"Looked for {names}, a call and @. Pass a pair (A, At) of functions with domain=.",
            op=op,
        )
    return lambda v: op @ v


def _adjoint_of(op: Any) -> Map | None:
    """What applies the adjoint that an operator has; None where it has none."""
    found = (name for name in BACKWARD if getattr(op, name, None) is not None)
    name = next(found, None)
    if name is None:
        return None
    part = getattr(op, name)
    if inspect.isroutine(part) and not _takes_an_argument(part):
        part = part()
    back = part if inspect.isroutine(part) else _map_of(part)
    return conjugated(back) if name in ("T", "transpose") else back


def _takes_an_argument(method: Any) -> bool:
    parameters = inspect.signature(method).parameters.values()
    return any(one.default is one.empty and one.kind is not one.VAR_KEYWORD for one in parameters)


def _derived(A: Map, elements: Elements, domain: Any) -> Map | None:
    """The derivative's adjoint, for a function of JAX or PyTorch."""
    if has_tensors(domain):
        return by_autograd(A, jax.tree.map(lambda leaf: leaf.detach() * 0, domain))
    try:
        jax.make_jaxpr(lambda v: A(v))(elements.domain)  # noqa: PLW0108 - jit(np.flip) crashes
    except Exception:  # code that JAX cannot trace has no derivative
        return None
    return by_vjp(A, elements.domain)
