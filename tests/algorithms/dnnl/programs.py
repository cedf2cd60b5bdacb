"""A small layer by oneDNN, for programs in processes of their own."""

LAYER = """
import os, sys, threading
import jax, jax.numpy as jnp, numpy as np
from jaxdeconv import ConvGeometry
from jaxdeconv.algorithms import Problem
from jaxdeconv.algorithms.onednn import ONEDNN

f32 = np.dtype(np.float32)
geometry = ConvGeometry((12, 12), (3, 3), 1, 1, 1, 1)
legs = ("conv", "conv_transpose", "kernel_gradient")
problems = {leg: Problem(leg, geometry, 2, 32, 32, f32, f32) for leg in legs}
assert not any(ONEDNN.reject(problem, "cpu") for problem in problems.values())
v = jnp.asarray(np.random.default_rng(0).integers(-2, 3, (2, 12, 12, 32)), f32)
w = jnp.asarray(np.random.default_rng(1).integers(-2, 3, (3, 3, 32, 32)), f32)

@jax.jit
def layer(v, w):
    operands = {"conv": (v, w), "conv_transpose": (v, w), "kernel_gradient": (v, v)}
    return [ONEDNN.apply(*operands[leg], problems[leg]) for leg in legs]
"""
"""All three legs, which XLA executes at the same time."""
