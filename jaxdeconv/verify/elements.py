"""What an operator object acts on, as the libraries say it.

Libraries are told apart by the attributes of their operators, so that none is imported:

    in_structure, mv            lineax
    input_shape, input_dtype    scico
    input_shape, dtype          this package
    ishape, oshape              sigpy
    domain, range               ODL
    domain_geometry             CIL
    shape, dtype                matrices, SciPy, pylops, PyTorch
"""

import dataclasses
import sys
from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import numpy as np

from jaxdeconv.verify.pairing import Inner, Ring
from jaxdeconv.verify.tensors import has_tensors, to_arrays, to_tensors

__all__ = ["Elements", "between", "elements_like", "elements_of"]

Map: TypeAlias = Callable[[Any], Any]


@dataclasses.dataclass(frozen=True)
class Elements:
    """The space that an operator acts on.

    Attributes:
        domain: an example of NumPy arrays, or a description.
        enter: from members of the domain to what the operator takes; None where it takes these.
        enter_codomain: the same for its adjoint.
        over: the ring, as in `adjoint`.
        inner: the weights of the library's inner products, as in `adjoint`.
    """

    domain: Any
    enter: Map | None = None
    enter_codomain: Map | None = None
    over: Ring = None
    inner: Inner = None


def elements_like(domain: Any) -> Elements:
    """The space of which `domain` is an example or a description."""
    if not has_tensors(domain):
        return Elements(domain)
    enter = to_tensors(domain)
    zeros = jax.tree.map(np.zeros_like, to_arrays(domain))
    return Elements(zeros, enter, enter)


def elements_of(op: Any) -> Elements | None:
    """The space that an operator says it acts on; None where it does not."""
    for names, read in _READERS:
        if all(hasattr(op, name) for name in names):
            return read(op)
    return None


def between(enter: Map | None, fun: Map) -> Map:
    """A function of a library's elements as one of arrays."""
    if enter is None:
        return fun
    return lambda member: _arrays(fun(enter(member)))


def _arrays(element: Any) -> Any:
    """An element of any library as NumPy arrays."""
    for name in ("arrays", "parts", "containers"):  # of products in scico, ODL and CIL
        if hasattr(element, name):
            return tuple(map(_arrays, getattr(element, name)))
    for name in ("asarray", "as_array"):
        if hasattr(element, name):
            return np.asarray(getattr(element, name)())
    found = to_arrays(element)
    return np.asarray(found) if isinstance(found, float | complex) else found


def _lineax(op: Any) -> Elements:
    return Elements(op.in_structure())


def _scico(op: Any) -> Elements:
    """Where a shape is nested, scico has block arrays; here they are tuples."""
    blocks: Any = getattr(sys.modules.get("scico.numpy"), "BlockArray", tuple)

    def entering(shape: Any) -> Map:
        return lambda member: blocks(member) if _is_nested(shape) else member

    domain = _structs(op.input_shape, op.input_dtype)
    return Elements(domain, entering(op.input_shape), entering(op.output_shape))


def _ours(op: Any) -> Elements:
    return Elements(_structs(op.input_shape, op.dtype))


def _structs(shape: Any, dtype: Any) -> Any:
    if _is_nested(shape):
        return tuple(_structs(part, dtype) for part in shape)
    return jax.ShapeDtypeStruct(shape, dtype)


def _is_nested(shape: Any) -> bool:
    return any(isinstance(n, tuple) for n in shape)


def _sigpy(op: Any) -> Elements:
    """Operators of sigpy have no dtype; they are meant for complex images."""
    return Elements(np.zeros(op.ishape, np.complex128))


def _odl(op: Any) -> Elements:
    weights = _odl_weights(op.domain), _odl_weights(op.range)
    return Elements(
        _odl_zeros(op.domain),
        op.domain.element,
        op.range.element,
        inner=None if weights == (None, None) else weights,
    )


def _odl_zeros(space: Any) -> Any:
    if hasattr(space, "spaces"):
        return tuple(map(_odl_zeros, space.spaces))
    return np.zeros(getattr(space, "shape", ()), getattr(space, "dtype", np.float64))


def _odl_weights(space: Any) -> Any:
    """The weights of the inner product; None where all are 1."""
    if hasattr(space, "spaces"):
        parts = tuple(map(_odl_weights, space.spaces))
        if parts == (None,) * len(parts):
            return None
        return tuple(1.0 if part is None else part for part in parts)
    weighting = getattr(space, "weighting", None)
    weights = getattr(weighting, "array", getattr(weighting, "const", 1.0))
    return None if np.ndim(weights) == 0 and weights == 1.0 else np.asarray(weights)


def _cil(op: Any) -> Elements:
    spaces = op.domain_geometry(), op.range_geometry()
    zeros = _arrays(spaces[0].allocate(0))
    return Elements(zeros, _cil_filled(spaces[0]), _cil_filled(spaces[1]))


def _cil_filled(space: Any) -> Map:
    def enter(member: Any) -> Any:
        element = space.allocate(0)
        parts = getattr(element, "containers", (element,))
        for part, array in zip(parts, jax.tree.leaves(member), strict=True):
            part.fill(array)
        return element

    return enter


def _matrix(op: Any) -> Elements:
    """Rows and columns; flat vectors."""
    columns, dtype = op.shape[-1], op.dtype
    if str(dtype).startswith("torch."):
        torch = sys.modules["torch"]
        return elements_like(torch.zeros(columns, dtype=dtype, device=getattr(op, "device", None)))
    over: Ring = None if getattr(op, "clinear", True) else "reals"  # pylops: Conj, Real, real FFT
    if type(op).__module__.partition(".")[0] in ("jax", "jaxlib"):
        return Elements(jax.ShapeDtypeStruct((columns,), dtype), over=over)
    return Elements(np.zeros(columns, np.float64 if dtype is None else dtype), over=over)


_READERS: tuple[tuple[tuple[str, ...], Callable[[Any], Elements]], ...] = (
    (("in_structure", "mv"), _lineax),
    (("input_shape", "input_dtype"), _scico),
    (("input_shape", "dtype"), _ours),
    (("ishape", "oshape"), _sigpy),
    (("domain", "range"), _odl),
    (("domain_geometry", "range_geometry"), _cil),
    (("shape", "dtype"), _matrix),
)
