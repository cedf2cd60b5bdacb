"""The simpler problem behind a problem: first thinned out, then folded."""

from typing import TypeAlias

from jaxdeconv.algorithms import Problem
from jaxdeconv.primitives.folding import Folding
from jaxdeconv.primitives.thinning import Thinning

__all__ = ["Simplification", "simplifications", "simplified"]

Simplification: TypeAlias = Thinning | Folding

LARGE = 2**25
"""Fewer bytes of v cost K more to copy than to skip: its kernels step over cells as they are."""


def simplifications(problem: Problem) -> list[Simplification]:
    """What to apply to the operands, in order, and to undo in the result, from the last on."""
    geometry = problem.geometry
    found: list[Simplification] = []
    if Thinning.applies(geometry) and (problem.leg != "conv" or problem.bytes("v") > LARGE):
        found.append(Thinning(geometry))
        geometry = found[-1].simplified
    folding = Folding.of(geometry, problem.in_channels, problem.out_channels)
    if folding.dims:
        found.append(folding)
    return found


def simplified(problem: Problem) -> Problem:
    """The problem that is left."""
    for one in simplifications(problem):
        problem = one.problem(problem)
    return problem
