"""Faults of any map, each with its cause."""

import jax.numpy as jnp

from benchmarks.verification import wrong_maps as wrong
from benchmarks.verification.wrong_maps import Fault
from jaxdeconv.verify.diagnose import Cause

__all__ = ["FAULTS", "NON_LINEAR"]

FAULTS: dict[str, tuple[Cause | None, Fault]] = {
    "rolled by +1": (Cause.SHIFT, wrong.result(lambda v, a: jnp.roll(v, 1, a))),
    "rolled by -1 along the last axis": (
        Cause.SHIFT,
        wrong.result(lambda v, a: jnp.roll(v, -1, a), -1),
    ),
    "shifted by +1": (Cause.SHIFT, wrong.result(lambda v, a: wrong.shift(v, a, 1))),
    "shifted by -1 along the last axis": (
        Cause.SHIFT,
        wrong.result(lambda v, a: wrong.shift(v, a, -1), -1),
    ),
    "shifted by +2": (Cause.SHIFT, wrong.result(lambda v, a: wrong.shift(v, a, 2))),
    "shifted along two axes": (Cause.SHIFT, wrong.diagonal),
    "argument shifted by +1": (Cause.SHIFT, wrong.argument(lambda u, a: wrong.shift(u, a, 1))),
    "argument rolled by -1": (Cause.SHIFT, wrong.argument(lambda u, a: jnp.roll(u, -1, a), -1)),
    "first row zero": (Cause.DROPPED_BORDER, wrong.result(lambda v, a: wrong.keep(v, a, 1, 0))),
    "last row zero": (Cause.DROPPED_BORDER, wrong.result(lambda v, a: wrong.keep(v, a, 0, -1), -1)),
    "two last rows zero": (
        Cause.DROPPED_BORDER,
        wrong.result(lambda v, a: wrong.keep(v, a, 0, -2)),
    ),
    "first and last rows zero": (
        Cause.DROPPED_BORDER,
        wrong.result(lambda v, a: wrong.keep(v, a, 1, -1)),
    ),
    "frame zero": (Cause.DROPPED_BORDER, wrong.frame),
    "corner zero": (Cause.DROPPED_BORDER, wrong.corner),
    "first row of the argument lost": (
        Cause.DROPPED_BORDER,
        wrong.argument(lambda u, a: wrong.keep(u, a, 1, 0)),
    ),
    "times 3": (Cause.SCALE, wrong.everywhere(lambda v: v * jnp.asarray(3, v.dtype))),
    "half": (Cause.SCALE, wrong.everywhere(wrong.half)),
    "times 1 + 2^-10": (
        Cause.SCALE,
        wrong.everywhere(lambda v: v + v / jnp.asarray(1024, v.dtype)),
    ),
    "minus": (Cause.SIGN, wrong.everywhere(jnp.negative)),
    "transpose for adjoint": (Cause.CONJUGATE, wrong.complex_only(wrong.conjugated)),
    "real part of the result": (Cause.LOST_DTYPE, wrong.complex_only(wrong.real_part)),
    "rounded to bfloat16": (Cause.LOST_DTYPE, wrong.rounded(jnp.bfloat16, jnp.float32)),
    "rounded to float16": (Cause.LOST_DTYPE, wrong.rounded(jnp.float16, jnp.float32)),
    "rounded to int32": (Cause.LOST_DTYPE, wrong.rounded(jnp.int32, jnp.float32)),
    "rounded to float32": (Cause.LOST_DTYPE, wrong.rounded(jnp.float32, jnp.float64)),
    "summed over four devices": (
        Cause.DEVICES,
        wrong.everywhere(lambda v: v * jnp.asarray(4, v.dtype)),
    ),
    "one device's share of the result": (Cause.DEVICES, wrong.one_share("result")),
    "one device's share of the argument": (Cause.DEVICES, wrong.one_share("argument")),
    "one device counted twice": (Cause.DEVICES, wrong.one_share("result", doubled=True)),
    "overlap counted twice": (Cause.DEVICES, wrong.result(wrong.overlap_doubled)),
    "halo cropped": (Cause.DEVICES, wrong.halo_cropped),
    "axes of the result exchanged": (Cause.SWAPPED_AXES, wrong.axes_swapped("result")),
    "axes of the argument exchanged": (Cause.SWAPPED_AXES, wrong.axes_swapped("argument")),
    "one entry missing": (Cause.MISSING_ENTRY, wrong.entry(0, 0)),
    "one entry wrong": (Cause.WRONG_ENTRY, wrong.entry(1, 1)),
    "one entry twice": (Cause.DUPLICATED, wrong.entry(2, 0)),
    "one row twice": (Cause.DUPLICATED, wrong.result(wrong.row_doubled)),
    "zero": (Cause.ZERO, wrong.everywhere(jnp.zeros_like)),
    "identity": (Cause.IDENTITY, wrong.identity),
    "forward": (Cause.FORWARD, wrong.forward),
    "inverse": (Cause.INVERSE, wrong.inverse),
    "last leaf zero": (Cause.MISSING_LEAF, wrong.leaf_zero),
    "leaves exchanged": (Cause.MISSING_LEAF, wrong.leaves_exchanged),
    "blurred": (None, wrong.result(lambda v, a: v + jnp.roll(v, 1, a))),
}
"""name -> (cause, fault); None for those that a diagnosis is not meant to know."""

NON_LINEAR: dict[str, tuple[Cause | None, Fault]] = {
    "negative parts lost": (None, wrong.result(lambda v, _: jnp.where(v.real > 0, v, -v))),
    "plus one": (None, wrong.result(lambda v, _: v + jnp.ones((), v.dtype))),
    "clipped": (None, wrong.result(lambda v, _: jnp.where(jnp.abs(v) > 1, jnp.sign(v), v))),
}
"""Faults after which At is no linear map, so that its entries do not tell what it is."""
