"""lineax: `op.mv` and `op.T.mv`."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import lineax
import numpy as np

from benchmarks.verification.field.operator import Operator

__all__ = ["operators"]


def operators() -> Iterator[Operator]:
    """Each kind of operator, of real cells; matrices of complex ones too."""
    rng = np.random.default_rng(0)
    M = jnp.asarray(rng.standard_normal((12, 9)), jnp.float32)
    square = jnp.asarray(rng.standard_normal((9, 9)), jnp.float32)
    diagonal = jnp.asarray(rng.standard_normal(9), jnp.float32)
    matrix = lineax.MatrixLinearOperator(M)
    yield _operator("MatrixLinearOperator", matrix)
    yield _operator("DiagonalLinearOperator", lineax.DiagonalLinearOperator(diagonal))
    yield _operator(
        "TridiagonalLinearOperator",
        lineax.TridiagonalLinearOperator(diagonal, diagonal[:-1], diagonal[1:]),
    )
    yield _operator("IdentityLinearOperator", lineax.IdentityLinearOperator(_floats(9)))
    yield _operator(
        "FunctionLinearOperator",
        lineax.FunctionLinearOperator(lambda v: jnp.cumsum(v)[::2], _floats(30)),
    )
    point = jnp.linspace(0.1, 2.0, 9)
    yield _operator(
        "JacobianLinearOperator",
        lineax.JacobianLinearOperator(lambda x, _: jnp.sin(M @ x), point),
    )
    yield _operator("composed", matrix @ lineax.MatrixLinearOperator(square))
    yield _operator(
        "sum", lineax.MatrixLinearOperator(square) + 2.5 * lineax.MatrixLinearOperator(square.T)
    )
    yield _operator(
        "tagged",
        lineax.TaggedLinearOperator(
            lineax.MatrixLinearOperator(square + square.T), lineax.symmetric_tag
        ),
    )
    yield _operator(
        "PyTreeLinearOperator",
        lineax.PyTreeLinearOperator(
            {"y": {"a": M[:, :4].reshape(12, 2, 2), "b": M[:, 4:]}}, {"y": _floats(12)}
        ),
    )
    complex_matrix = lineax.MatrixLinearOperator((M + 1j * M[::-1]).astype(jnp.complex64))
    back = lineax.conj(complex_matrix.T)
    yield Operator(
        "MatrixLinearOperator complex64",
        "lineax",
        complex_matrix.mv,
        back.mv,
        jax.ShapeDtypeStruct((9,), "complex64"),
    )


def _operator(name: str, op: Any) -> Operator:
    return Operator(f"{name} float32", "lineax", op.mv, op.T.mv, op.in_structure())


def _floats(*shape: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, "float32")
