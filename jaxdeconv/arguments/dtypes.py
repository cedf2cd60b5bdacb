"""Which arrays and dtypes the legs take, and in which dtype they accumulate.

The rules, in the order in which they are checked:
- Arrays only (NumPy, JAX, anything with `__jax_array__`); Python lists and scalars are refused.
- NumPy's 64-bit types follow JAX: they become 32-bit unless `jax_enable_x64` is set.
- The dtypes must agree. A weakly typed array takes the other's dtype if that loses nothing; an
  integer image beside a float kernel is an error, as in `jax.lax`, because only the caller knows
  which conversion is meant.
- float16 and bfloat16 accumulate in float32 and are rounded once, at the end; all other types
  accumulate in the type of the result. Integers are computed modulo 2^bits of that type.
- `preferred_element_type` widens the result (and the accumulator) within its kind.
"""

import contextlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.typing import DTypeLike

from jaxdeconv.arguments.integers import as_integer
from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError

FLOATING = ("float16", "bfloat16", "float32", "float64")
COMPLEX = ("complex64", "complex128")
INTEGER = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
HALF = ("float16", "bfloat16")


def operand_shapes(
    preferred: DTypeLike | None, operands: dict[str, Any]
) -> tuple[dict[str, jax.ShapeDtypeStruct], np.dtype]:
    """Shapes and common dtype of the two array arguments of a leg, and the dtype of its result.

    Args:
        preferred: the leg's `preferred_element_type`.
        operands: the two arguments by name: arrays, tracers or `jax.ShapeDtypeStruct`s.
    """
    given = {name: _as_shape(name, value) for name, value in operands.items()}
    (first, x), (second, y) = given.items()
    dtype = _common_dtype(x, y)
    if dtype is None:
        remedy = f"Convert one, e.g. {first}.astype({second}.dtype), whichever loses nothing."
        if {x.dtype.name, y.dtype.name} in ({"uint8", "int8"}, {"uint16", "int16"}):
            remedy = f"Convert both: {first}.astype('int32') and {second}.astype('int32')."
        raise ArgumentTypeError(f"{first} and {second} must have the same dtype", remedy, **given)
    shapes = {name: jax.ShapeDtypeStruct(one.shape, dtype) for name, one in given.items()}
    return shapes, _result_dtype(dtype, preferred)


def as_operands(preferred: DTypeLike | None, **operands: Any) -> tuple[Array, Array, np.dtype]:
    """The two array arguments of a leg in one dtype, and the dtype of its result."""
    shapes, dtype = operand_shapes(preferred, operands)
    x, y = (
        lax.convert_element_type(jnp.asarray(value), shapes[name].dtype)
        for name, value in operands.items()
    )
    return x, y, dtype


def accumulator_dtype(dtype: np.dtype) -> np.dtype:
    """The dtype in which the sums behind a result of type `dtype` are formed."""
    return np.dtype(np.float32) if dtype.name in HALF else dtype


def _result_dtype(dtype: np.dtype, preferred: DTypeLike | None) -> np.dtype:
    """Dtype of a leg's result: the operands', or `preferred_element_type`."""
    if preferred is None:
        return dtype
    try:
        wanted = np.dtype(preferred)
    except TypeError:
        wanted = None
    if wanted is None or _kind(wanted) != _kind(dtype) or not np.can_cast(dtype, wanted):
        raise ArgumentTypeError(
            f"preferred_element_type must be the same kind of number as {dtype}, and as wide",
            "Pass a wider dtype, or None and convert the result.",
            preferred_element_type=str(preferred if wanted is None else wanted),
            dtype=str(dtype),
        )
    if jax.dtypes.canonicalize_dtype(wanted) != wanted:
        raise ArgumentValueError(
            "preferred_element_type must exist without 64-bit mode, or 64-bit mode must be on",
            'Call jax.config.update("jax_enable_x64", True) first, or pass the 32-bit type.',
            preferred_element_type=str(wanted),
        )
    return wanted


def check_precision(precision: Any) -> None:
    """Refuse what is not a `jax.lax.Precision`, its name, or a pair of them."""
    entries = (
        precision if isinstance(precision, (tuple, list)) and len(precision) == 2 else [precision]
    )
    for entry in entries:
        try:
            if entry is not None:
                lax.Precision(entry)
        except ValueError:
            raise ArgumentValueError(
                "precision must be None, a jax.lax.Precision or its name, or a pair of these",
                "Pass for example 'highest'.",
                precision=precision,
            ) from None


def check_groups(groups: int, in_channels: int, out_channels: int) -> None:
    """Refuse groups that do not cut both numbers of channels into equal blocks."""
    groups = as_integer("groups", groups, minimum=1)
    if in_channels % groups or out_channels % groups:
        raise ArgumentValueError(
            "groups must divide the numbers of input and of output channels",
            "Pass a common divisor of both.",
            groups=groups,
            input_channels=in_channels,
            output_channels=out_channels,
        )


def _as_shape(name: str, value: Any) -> jax.ShapeDtypeStruct:
    """Shape and dtype of an array as JAX would take it, and whether its dtype is weak."""
    if not hasattr(value, "__jax_array__") and not (
        hasattr(value, "shape") and hasattr(value, "dtype")
    ):
        raise ArgumentTypeError(
            f"{name} must be an array", f"Pass jax.numpy.asarray({name}).", **{name: value}
        )
    if not isinstance(value, Array | np.ndarray | jax.ShapeDtypeStruct):
        with contextlib.suppress(TypeError):
            value = jnp.asarray(value)
    if _kind(value.dtype) == "":
        raise ArgumentTypeError(
            f"{name} must have a supported dtype",
            f"Convert to one of {', '.join((*FLOATING, *COMPLEX, *INTEGER))}.",
            **{name: value},
        )
    weak = bool(getattr(value, "weak_type", False))
    dtype = jax.dtypes.canonicalize_dtype(value.dtype)
    return jax.ShapeDtypeStruct(value.shape, dtype, weak_type=weak)


def _kind(dtype: Any) -> str:
    """'float', 'complex', 'int', or '' for what no leg supports."""
    name = str(dtype)
    if name in FLOATING:
        return "float"
    if name in COMPLEX:
        return "complex"
    return "int" if name in INTEGER else ""


_SCALARS = {"float": float, "complex": complex, "int": int}


def _common_dtype(x: jax.ShapeDtypeStruct, y: jax.ShapeDtypeStruct) -> np.dtype | None:
    """The dtype that both have, or that the strongly typed one has and the weak one can take."""
    if x.dtype == y.dtype:
        return x.dtype
    if x.weak_type == y.weak_type:
        return None
    weak, strong = (x, y) if x.weak_type else (y, x)
    scalar = _SCALARS[_kind(weak.dtype)]  # as weak as a Python number
    return strong.dtype if jnp.result_type(scalar, strong.dtype) == strong.dtype else None
