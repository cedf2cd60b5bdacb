"""|A| |v| through loops, branches and devices: the same control flow, of bounds.

Constants keep their values inside, so that a loop still reads its tables where it should. What is
counted, and not computed, is settled before: a loop is read until nothing in it changes any more.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.extend.core import JaxprEqn
from jax.sharding import PartitionSpec

from jaxdeconv.verify import programs
from jaxdeconv.verify.absolute_terms import Tally, Term, unbounded, worst

__all__ = ["CONTROL", "Interpreter"]


class Interpreter(Protocol):
    """Who reads the programs inside."""

    tally: Tally

    def program(self, jaxpr: programs.Program, args: Sequence[Term]) -> list[Term]:
        """Bounds on the outputs."""

    def apart(self, function: Callable[[], list[Term]]) -> tuple[list[Term], Array, Array]:
        """Outputs of an inner program, its peak and its load, which stay inside till returned."""


Control: TypeAlias = Callable[[Interpreter, JaxprEqn, Any, list[Term]], list[Term]]


def _scan(run: Interpreter, _: JaxprEqn, scan: programs.Scan, ins: list[Term]) -> list[Term]:
    fixed, initial, slices = scan.split(ins)
    carries = scan.carries
    found: list[list[Term]] = []

    def step(carry: Sequence[Term], arrays: Sequence[Any], cut: Sequence[Any]) -> Any:
        args = [*fixed, *_holding(carry, arrays), *_holding(slices, cut)]
        outs, peak, load = run.apart(lambda: run.program(scan.body, args))
        found.append(outs)
        new = [
            out.array if old.constant else out.bar
            for old, out in zip(carry, outs[:carries], strict=True)
        ]
        return new, ([out.array for out in outs[carries:]], peak, load)

    def read(carry: Sequence[Term]) -> list[Term]:
        xs = [jax.ShapeDtypeStruct(x.array.shape[1:], x.array.dtype) for x in slices]
        jax.eval_shape(lambda arrays, cut: step(carry, arrays, cut), _arrays(carry), xs)
        return found[-1][:carries]

    carry = _settled(read, initial, ins, scan.length)
    final, (stacked, peaks, loads) = lax.scan(
        lambda arrays, cut: step(carry, arrays, cut),
        _arrays(carry),
        _arrays(slices),
        length=scan.length,
        reverse=scan.reverse,
    )
    run.tally.peaks.append(jnp.max(peaks, initial=0))
    run.tally.loads.append(jnp.max(loads, initial=0))
    return [*_holding(carry, final), *_holding(found[-1][carries:], stacked)]


def _settled(
    read: Callable[[Sequence[Term]], list[Term]],
    carry: Sequence[Term],
    ins: Sequence[Term],
    length: int,
) -> list[Term]:
    """The carry as it is in the worst of all iterations: kinds, grids, errors, slack."""
    patience = len(carry) + 2
    while True:
        outs = read(carry)
        fresh = [_grown(old, new, patience > 0) for old, new in zip(carry, outs, strict=True)]
        if all(
            a.constant == b.constant and a.grid == b.grid for a, b in zip(fresh, carry, strict=True)
        ):
            break
        carry, patience = fresh, patience - 1
    errors, slacks = worst(ins, "error"), worst(ins, "slack")
    carry = [dataclasses.replace(x, error=errors, slack=slacks) for x in carry]
    outs = read(carry)
    errors += length * max(0.0, worst(outs, "error") - errors)
    slacks += length * max(0.0, worst(outs, "slack") - slacks)
    return [dataclasses.replace(x, error=errors, slack=slacks) for x in carry]


def _grown(old: Term, new: Term, patient: bool) -> Term:
    """`old` widened to hold `new`; a grid that gets finer without end is unknown."""
    if old.constant and not new.constant:
        old = _dependent(old)
    if new.grid <= old.grid:
        return old
    return dataclasses.replace(old, grid=new.grid if patient else math.inf)


def _dependent(term: Term) -> Term:
    """A constant as what might depend on the argument."""
    return dataclasses.replace(term, array=term.bar, constant=False, slack=term.slack + 1)


def _branches(
    run: Interpreter, eqn: JaxprEqn, branches: programs.Branches, ins: list[Term]
) -> list[Term]:
    which, *args = ins
    if not which.constant:
        raise unbounded(eqn)
    if not isinstance(which.array, jax.core.Tracer):
        return run.program(branches.taken(which.array), args)
    found: list[list[Term]] = []

    def read(branch: Any) -> tuple[list[Term], Array, Array]:
        return run.apart(lambda: run.program(branch, args))

    for branch in branches.programs:
        jax.eval_shape(lambda branch=branch: found.append(read(branch)[0]))
    merged = [_merged(terms) for terms in zip(*found, strict=True)]

    def taken(branch: Any) -> tuple[list[Any], Array, Array]:
        outs, peak, load = read(branch)
        arrays = [x.array if kept.constant else x.bar for x, kept in zip(outs, merged, strict=True)]
        return arrays, peak, load

    calls = [lambda branch=branch: taken(branch) for branch in branches.programs]
    arrays, peak, load = lax.switch(which.array, calls)
    run.tally.peaks.append(peak)
    run.tally.loads.append(load)
    return _holding(merged, arrays)


def _merged(terms: Sequence[Term]) -> Term:
    """What holds for any of the terms; the array is left out."""
    grid = max(x.grid for x in terms)
    slack = worst(terms, "slack") + 1
    constant = all(x.constant for x in terms)
    return Term(None, constant, worst(terms, "error"), slack, grid)


def _manual(run: Interpreter, _: JaxprEqn, manual: programs.Manual, ins: list[Term]) -> list[Term]:
    found: list[list[Term]] = []

    def body(*arrays: Array) -> tuple[list[Any], Array, Array]:
        args = _holding(ins, arrays)
        outs, peak, load = run.apart(lambda: run.program(manual.body, args))
        found.append(outs)
        return _arrays(outs), peak[None], load[None]

    each_device = PartitionSpec(manual.axes)
    sharded = jax.shard_map(
        body,
        mesh=manual.mesh,
        in_specs=manual.in_specs,
        out_specs=(list(manual.out_specs), each_device, each_device),
        axis_names=set(manual.axes),
        check_vma=manual.check_vma,
    )
    arrays, peaks, loads = sharded(*_arrays(ins))
    run.tally.peaks.append(jnp.max(peaks))
    run.tally.loads.append(jnp.max(loads))
    return _holding(found[-1], arrays)


def _solve(run: Interpreter, _: JaxprEqn, solve: programs.Solve, ins: list[Term]) -> list[Term]:
    """A solution is computed by `solve`."""
    return run.program(solve.solve, solve.split(ins))


def _arrays(terms: Sequence[Term]) -> list[Any]:
    return [jnp.asarray(x.array) for x in terms]


def _holding(terms: Sequence[Term], arrays: Sequence[Any]) -> list[Term]:
    return [dataclasses.replace(x, array=a) for x, a in zip(terms, arrays, strict=True)]


CONTROL: dict[type | None, Control] = {
    programs.Scan: _scan,
    programs.Branches: _branches,
    programs.Manual: _manual,
    programs.Solve: _solve,
}
"""By kind of control. A `while` loop runs as often as its data say: it is not among them."""
