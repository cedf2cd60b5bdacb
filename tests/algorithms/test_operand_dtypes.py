"""Operands in another dtype for XLA on an accelerator: the same numbers as without."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv.algorithms import ALGORITHMS, Problem
from jaxdeconv.algorithms.contract import CASES, Case, check_equal, equations, expected
from jaxdeconv.algorithms.leg import LEGS
from jaxdeconv.algorithms.operand_dtypes import adapt, restore
from jaxdeconv.planning import planner

FULL = [case for case in CASES if all(0 not in shape for shape in case.shapes)]


def planned(problem: Problem):
    """The leg as the plan for its platform has it computed, run here."""
    adapted = problem.adapted()
    name = planner.choose(problem, problem.platform).algorithm
    algorithm = next(one for one in ALGORITHMS[problem.leg] if one.name == name)
    leg = LEGS[problem.leg]

    def run(x, y):
        x, y = (adapt(role, z, problem) for role, z in zip(leg.operands, (x, y), strict=True))
        return restore(leg.result, algorithm.apply(x, y, adapted), problem)

    return jax.jit(run)


@pytest.mark.every_variant
@pytest.mark.parametrize("platform", ["gpu", "tpu"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16", "int8", "int32", "complex64"])
@pytest.mark.parametrize("leg", ALGORITHMS)
def test_the_planned_form_for_an_accelerator_is_exact(leg: str, dtype: str, platform: str) -> None:
    """On every geometry of the contract, against the matrix of coordinates."""
    for case in FULL[:: 1 if dtype in ("float32", "bfloat16") else 3]:
        problem = case.problem(leg, jnp.dtype(dtype), platform)
        problem = dataclasses.replace(problem, result_dtype=problem.dtype)
        wide = np.complex128 if dtype == "complex64" else np.float64
        kind = np.complex64 if dtype == "complex64" else np.float32
        x, y, answer = expected(leg, case, tuple(a.astype(wide) for a in case.data(kind)))
        x, y = (jnp.asarray(a).astype(dtype) for a in (x, y))
        got = planned(problem)(x, y)
        rounded = jnp.asarray(answer).astype(got.dtype)
        check_equal(got, rounded, f"{leg} of '{case.name}' for {platform} in {dtype}")


@pytest.mark.parametrize("leg", ALGORITHMS)
def test_what_a_complex_convolution_becomes(leg: str) -> None:
    """One real convolution of twice the channels, on accelerators alone."""
    problem = Case("strided", FULL[4].geometry).problem(leg, np.complex64, "gpu")
    adapted = problem.adapted()
    assert (adapted.dtype, adapted.accumulator) == (np.dtype("float32"),) * 2
    assert (adapted.in_channels, adapted.out_channels) == (
        2 * problem.in_channels,
        2 * problem.out_channels,
    )
    assert adapted.adapted() == adapted
    on_a_cpu = dataclasses.replace(problem, platform="cpu")
    assert on_a_cpu.adapted() is on_a_cpu


@pytest.mark.parametrize("leg", ALGORITHMS)
@pytest.mark.parametrize(
    ("platform", "result", "operands", "convolved"),
    [
        ("gpu", "bfloat16", "bfloat16", "bfloat16"),  # cuDNN sums in float32 and rounds once
        ("gpu", "float32", "float32", "float32"),  # widened before anything else
        ("tpu", "bfloat16", "bfloat16", "float32"),
        ("cpu", "bfloat16", "bfloat16", "float32"),
        ("cpu", "float32", "bfloat16", "float32"),
    ],
)
def test_half_operands(leg, platform, result, operands, convolved) -> None:
    bfloat16 = np.dtype(jnp.bfloat16)
    problem = Case("strided", FULL[4].geometry).problem(leg, bfloat16, platform)
    problem = dataclasses.replace(problem, result_dtype=np.dtype(jnp.dtype(result))).adapted()
    assert problem.dtype.name == operands
    assert problem.convolution_dtype.name == convolved


def test_half_operands_with_a_wide_result_are_widened_before_the_kernel_is_reversed() -> None:
    """Else XLA:GPU does not find the backward convolution behind the conversion."""
    case = Case("strided", FULL[4].geometry)
    bfloat16 = np.dtype(jnp.bfloat16)
    problem = case.problem("conv_transpose", bfloat16, "gpu")
    x, y = (jnp.ones(shape, bfloat16) for shape in problem.operand_shapes)
    names = [eqn.primitive.name for eqn in equations(jax.make_jaxpr(planned(problem))(x, y).jaxpr)]
    before_rev = names[: names.index("rev")] if "rev" in names else names
    assert "convert_element_type" in before_rev
    after = names[names.index("rev") :] if "rev" in names else []
    assert "convert_element_type" not in after[: after.index("conv_general_dilated")]
