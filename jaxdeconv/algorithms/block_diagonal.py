"""Groups of few channels as one convolution of all channels, for matrix units that are wide.

A TPU multiplies 128 channels at once, whatever their number. So the kernels of all groups become
the blocks on the diagonal of one kernel, and G is computed for all pairs of channels, of which the
blocks on the diagonal are kept. K and K^T multiply every channel by the zeros beside the blocks: a
NaN in one group then spreads to the others. G throws those products away.
"""

import dataclasses

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxdeconv.algorithms import native
from jaxdeconv.algorithms.problem import Algorithm, Problem, Work, xla_is_unfit

WIDEST = 512
"""More channels on one side than this: the zeros cost more than the groups."""


def conv(v: Array, w: Array, problem: Problem) -> Array:
    """K v."""
    return native.conv(v, _dense_kernel(w, problem), _dense(problem))


def conv_transpose(u: Array, w: Array, problem: Problem) -> Array:
    """K^T u."""
    return native.conv_transpose(u, _dense_kernel(w, problem), _dense(problem))


def kernel_gradient(u: Array, v: Array, problem: Problem) -> Array:
    """G(u, v)."""
    w = native.kernel_gradient(u, v, _dense(problem))
    groups, sizes = problem.geometry.groups, (problem.in_per_group, problem.out_per_group)
    w = w.reshape(*w.shape[:-2], groups, sizes[0], groups, sizes[1])
    mine = jnp.asarray(np.eye(groups, dtype=bool)[:, None, :, None])
    blocks = lax.select(jnp.broadcast_to(mine, w.shape), w, jnp.zeros_like(w))
    # the other blocks are gone, so that this sum only picks
    return blocks.sum(-4, dtype=w.dtype).reshape(*w.shape[:-4], sizes[0], -1)


def _dense(problem: Problem) -> Problem:
    """The problem of all channels in one group."""
    return dataclasses.replace(problem, geometry=problem.geometry.with_groups(1))


def _dense_kernel(w: Array, problem: Problem) -> Array:
    """[*kernel, in/groups, out] -> [*kernel, in, out], zero between different groups."""
    groups = problem.geometry.groups
    blocks = w.reshape(*w.shape[:-1], groups, problem.out_per_group)
    mine = jnp.asarray(np.eye(groups, dtype=bool)[:, None, :, None])
    shape = (*w.shape[:-2], groups, *blocks.shape[-3:])
    spread = jnp.broadcast_to(jnp.expand_dims(blocks, -4), shape)
    dense = lax.select(jnp.broadcast_to(mine, shape), spread, jnp.zeros(shape, w.dtype))
    return dense.reshape(*w.shape[:-2], problem.in_channels, problem.out_channels)


def _reject(problem: Problem, platform: str) -> str:
    if platform != "tpu":
        return "only for TPUs, whose matrix units are wider than a group"
    if problem.geometry.groups == 1 or problem.in_per_group == problem.out_per_group == 1:
        return "only for groups of several channels"
    if max(problem.in_channels, problem.out_channels) > WIDEST:
        return f"more than {WIDEST} channels: too many zeros"
    return xla_is_unfit(problem, platform)


def _reject_transpose(problem: Problem, platform: str) -> str:
    return _reject(problem, platform) or native.CONV_TRANSPOSE.reject(_dense(problem), platform)


def _work(problem: Problem) -> Work:
    work: Work = {
        "conv": native.CONV,
        "conv_transpose": native.CONV_TRANSPOSE,
        "kernel_gradient": native.KERNEL_GRADIENT,
    }[problem.leg].work(_dense(problem))
    return work


CONV = Algorithm("block_diagonal", conv, _reject, _work, lambda _: True)
CONV_TRANSPOSE = Algorithm(
    "block_diagonal", conv_transpose, _reject_transpose, _work, lambda _: True
)
KERNEL_GRADIENT = Algorithm("block_diagonal", kernel_gradient, _reject, _work)
