"""A function in double precision: the map whose structure is judged."""

import dataclasses

import jax

from jaxdeconv.verify.analysis import Untraceable, trace, wide, widened
from jaxdeconv.verify.analysis.jaxprs import in_64_bit_mode
from jaxdeconv.verify.calls import compiled, struct
from jaxdeconv.verify.maps import Operator

__all__ = ["in_double"]


def in_double(operator: Operator) -> Operator:
    """The map that the program writes down, in double precision; itself where that fails.

    A function that was not given in double precision is kept as `given`.
    """
    leaves = (*operator.domain.leaves, *operator.codomain.leaves)
    if operator.traced is None or operator.domain.kind == "integer" or operator.given:
        return operator
    if all(leaf.dtype == wide(leaf.dtype) for leaf in leaves):
        return operator
    count, x64 = len(jax.tree.leaves(operator.parameters)), in_64_bit_mode()
    fun, domain = widened(operator.traced, count, x64), operator.domain.widened()
    try:
        with jax.enable_x64(True):
            traced = trace(fun, domain.tree, jax.tree.map(struct, operator.parameters))
    except Untraceable:  # a primitive that has no wider form
        return operator
    one, many = compiled(fun, traced, len(operator.parameters))
    return dataclasses.replace(
        operator,
        fun=fun,
        domain=domain,
        codomain=operator.codomain.widened(),
        traced=traced,
        given=operator,
        _one=one,
        _many=many,
    )
