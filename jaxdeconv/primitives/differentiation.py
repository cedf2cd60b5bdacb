"""The derivatives of each leg are the other two: `Leg.transpose` says which.

Every leg is linear in both of its arguments, so its derivative in either is the leg itself, and
transposing it gives a leg again. The three are closed under differentiation of any order, and every
derivative is a fast leg.
"""

import dataclasses
import functools
from typing import Any

from jax.interpreters import ad

from jaxdeconv.algorithms.leg import LEGS, Leg
from jaxdeconv.primitives.primitive import PRIMITIVES, LegParams, bind


def _transpose(leg: Leg, cotangent: Any, x: Any, y: Any, *, params: LegParams) -> tuple[Any, Any]:
    """Transpose of a leg that is linear in exactly one of x and y.

    Not `ad.defbilinear`: its rule drops the cotangents of integers, and with them the transpose.
    """
    which = 0 if ad.is_undefined_primal(x) else 1
    fixed = y if which == 0 else x
    result: Any
    if isinstance(cotangent, ad.Zero):
        result = ad.Zero((x, y)[which].aval)
    else:
        other = leg.transpose(which)
        arrays = {leg.result: cotangent, leg.operands[1 - which]: fixed}
        first, second = other.operands
        params = dataclasses.replace(params, dtype=fixed.dtype)
        result = bind(other.name, arrays[first], arrays[second], params)
    return (result, None) if which == 0 else (None, result)


def _register(leg: Leg) -> None:
    primitive = PRIMITIVES[leg.name]
    ad.defjvp(
        primitive,
        lambda tangent, _, y, **params: primitive.bind(tangent, y, **params),
        lambda tangent, x, _, **params: primitive.bind(x, tangent, **params),
    )
    ad.primitive_transposes[primitive] = functools.partial(_transpose, leg)


for _leg in LEGS.values():
    _register(_leg)
