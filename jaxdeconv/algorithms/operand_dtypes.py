"""Operands in the dtype that a platform's XLA computes with: `Problem.adapted`, for arrays.

On GPUs and TPUs XLA makes three or four real convolutions of a complex one, and its zeros: it does
not find the backward convolution behind the parts of the numbers. So real and imaginary parts
become channels beside each other, and one real convolution with twice the channels on both sides
has the same products. With complex w, and matrices that multiply (re, im) from the right,

    K:    u = v w        (re, im) times [[re w, im w], [-im w, re w]]
    K^T:  v = u w        the transpose of a leg transposes its matrix: that of conj(w)
    G:    w = u v        re w = w[re, re] - w[im, im],  im w = w[re, im] + w[im, re]

On GPUs operands of two bytes whose result has four are widened at once: see
`Problem.convolution_dtype`.
"""

import jax.numpy as jnp
from jax import Array, lax

from jaxdeconv.algorithms.problem import Problem

__all__ = ["adapt", "restore"]


def adapt(role: str, x: Array, problem: Problem) -> Array:
    """An operand of `problem`, in the role 'v', 'w' or 'u', for `problem.adapted()`."""
    if x.dtype.kind != "c":
        return x.astype(problem.adapted().dtype)
    if role != "w":
        return jnp.stack([x.real, x.imag], -1).reshape(*x.shape[:-1], -1)
    if problem.leg == "conv_transpose":
        x = x.conj()
    rows = [jnp.stack([x.real, x.imag], -1), jnp.stack([-x.imag, x.real], -1)]
    return jnp.stack(rows, -3).reshape(*x.shape[:-2], 2 * x.shape[-2], -1)


def restore(role: str, x: Array, problem: Problem) -> Array:
    """The result of `problem`, in its role, from that of `problem.adapted()`."""
    if problem.dtype.kind != "c":
        return x
    if role != "w":
        pairs = x.reshape(*x.shape[:-1], -1, 2)
        return lax.complex(pairs[..., 0], pairs[..., 1])
    parts = x.reshape(*x.shape[:-2], x.shape[-2] // 2, 2, x.shape[-1] // 2, 2)
    (rr, ri), (ir, ii) = ([parts[..., a, :, b] for b in range(2)] for a in range(2))
    return lax.complex(rr - ii, ri + ir)
