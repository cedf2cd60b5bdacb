"""Loops, branches, devices and solves: the same control flow, carrying what is known.

What is counted and not computed (parts, grids, errors) is found before a loop runs: its body is
walked abstractly until nothing changes. Then the bounds go through the loop itself, in which
constants keep their values, so that it still reads its tables where it should.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.extend.core import JaxprEqn
from jax.sharding import PartitionSpec

from jaxdeconv.verify.analysis import programs
from jaxdeconv.verify.analysis.known import Known, Parts, Unbounded, union, worst

if TYPE_CHECKING:
    from jaxdeconv.verify.analysis.interpreter import Interpreter

__all__ = ["CONTROL"]


Control: TypeAlias = Callable[["Interpreter", JaxprEqn, Any, list[Known]], list[Known]]


def _scan(run: "Interpreter", eqn: JaxprEqn, scan: programs.Scan, ins: list[Known]) -> list[Known]:
    fixed, initial, slices = scan.split(ins)
    carries = scan.carries
    found: list[list[Known]] = []

    def step(carry: Sequence[Known], arrays: Sequence[Any], cut: Sequence[Any]) -> Any:
        args = [*fixed, *_holding(carry, arrays), *_holding(slices, cut)]
        outs, load = run.apart(lambda: run.inside(eqn, scan.body, args))
        found.append(outs)
        new = [_array_as(run, old, out) for old, out in zip(carry, outs[:carries], strict=True)]
        return new, ([out.array for out in outs[carries:]], load)

    def read(carry: Sequence[Known]) -> list[Known]:
        xs = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape[1:], x.dtype), _arrays(slices))
        jax.eval_shape(lambda arrays, cut: step(carry, arrays, cut), _arrays(carry), xs)
        return found[-1][:carries]

    carry = _in_all_steps(run, eqn, read, initial)
    carry = _with_errors(read, carry, ins, scan.length)
    final, (stacked, loads) = lax.scan(
        lambda arrays, cut: step(carry, arrays, cut),
        _arrays(carry),
        _arrays(slices),
        length=scan.length,
        reverse=scan.reverse,
    )
    run.log.loads.append(jnp.max(loads, initial=0))
    last = [
        dataclasses.replace(x, parts=out.parts, blame=out.blame) if scan.length else x
        for x, out in zip(carry, found[-1][:carries], strict=True)
    ]
    return [*_holding(last, final), *_holding(found[-1][carries:], stacked)]


def _while(
    run: "Interpreter", eqn: JaxprEqn, loop: programs.While, ins: list[Known]
) -> list[Known]:
    """It runs as often as its data say, so that only parts are found."""
    test_fixed, body_fixed, carry = loop.split(ins)
    found: list[list[Known]] = []

    def walk(body: programs.Program, fixed: list[Known], carry: Sequence[Known]) -> list[Known]:
        def once(arrays: Sequence[Any]) -> None:
            args = [*fixed, *_holding(carry, arrays)]
            found.append(run.apart(lambda: run.inside(eqn, body, args))[0])

        jax.eval_shape(once, _arrays(carry))
        return found[-1]

    carry = _in_all_steps(run, eqn, lambda x: walk(loop.body, body_fixed, x), carry)
    (again,) = walk(loop.test, test_fixed, carry)
    if not again.parts.is_constant:
        return _decided(run, eqn, again)
    if all(x.constant for x in ins):
        return _holding(carry, eqn.primitive.bind(*(x.array for x in ins), **eqn.params))
    return [x.without_bound(Unbounded(eqn)) for x in carry]


def _in_all_steps(
    run: "Interpreter",
    eqn: JaxprEqn,
    read: Callable[[Sequence[Known]], list[Known]],
    carry: Sequence[Known],
) -> list[Known]:
    """The carry widened until it holds what every step returns: parts, kinds, grids."""
    patience = len(carry) + 2
    carry = list(carry)
    while True:
        wider = [
            _wider(run, eqn, old, new, patience > 0)
            for old, new in zip(carry, read(carry), strict=True)
        ]
        if all(_kind(a) == _kind(b) for a, b in zip(wider, carry, strict=True)):
            return wider
        carry, patience = wider, patience - 1


def _kind(x: Known) -> tuple[Parts, bool, bool, float]:
    return x.parts, x.constant, x.unbounded is None, x.grid


def _wider(run: "Interpreter", eqn: JaxprEqn, old: Known, new: Known, patient: bool) -> Known:
    """`old` widened to hold `new`; a grid that gets finer without end is unknown."""
    (old,) = run.blamed(eqn, (old, new), [old.parts | new.parts], [old])
    if old.unbounded or new.unbounded:
        return old.without_bound(old.unbounded or new.unbounded or Unbounded(eqn))
    if old.constant and not new.constant:  # it may depend on the argument after the first step
        old = dataclasses.replace(old, array=run.lift(old), constant=False, slack=old.slack + 1)
    if new.grid <= old.grid:
        return old
    return dataclasses.replace(old, grid=new.grid if patient else math.inf)


def _with_errors(
    read: Callable[[Sequence[Known]], list[Known]],
    carry: Sequence[Known],
    ins: Sequence[Known],
    length: int,
) -> list[Known]:
    """The carry with errors and slack after all steps: what one step adds, `length` times."""
    errors, slacks = worst(ins, "error"), worst(ins, "slack")
    outs = read([dataclasses.replace(x, error=errors, slack=slacks) for x in carry])
    errors += length * max(0.0, worst(outs, "error") - errors)
    slacks += length * max(0.0, worst(outs, "slack") - slacks)
    return [dataclasses.replace(x, error=errors, slack=slacks) for x in carry]


def _branches(
    run: "Interpreter", eqn: JaxprEqn, branches: programs.Branches, ins: list[Known]
) -> list[Known]:
    which, *args = ins
    if which.value is not None:
        return run.inside(eqn, branches.taken(which.value), args)
    if not which.parts.is_constant:
        return _decided(run, eqn, which)
    found: list[list[Known]] = []

    def read(branch: programs.Program) -> tuple[list[Known], Array]:
        return run.apart(lambda: run.inside(eqn, branch, args))

    for branch in branches.programs:
        jax.eval_shape(lambda branch=branch: found.append(read(branch)[0]))
    merged = [_any_of(run, eqn, outs) for outs in zip(*found, strict=True)]
    if not which.constant:
        return [x.without_bound(which.unbounded or Unbounded(eqn)) for x in merged]

    def taken(branch: programs.Program) -> tuple[list[Any], Array]:
        outs, load = read(branch)
        return [_array_as(run, x, out) for x, out in zip(merged, outs, strict=True)], load

    calls = [lambda branch=branch: taken(branch) for branch in branches.programs]
    arrays, load = lax.switch(which.array, calls)
    run.log.loads.append(load)
    return _holding(merged, arrays)


def _any_of(run: "Interpreter", eqn: JaxprEqn, outs: Sequence[Known]) -> Known:
    """What holds for any of the outputs of the branches; the array is left out."""
    merged = Known(
        None,
        all(x.constant for x in outs),
        worst(outs, "error"),
        worst(outs, "slack") + 1,
        max(x.grid for x in outs),
        next((x.unbounded for x in outs if x.unbounded), None),
    )
    return run.blamed(eqn, outs, [union(x.parts for x in outs)], [merged])[0]


def _decided(run: "Interpreter", eqn: JaxprEqn, by: Known) -> list[Known]:
    """Outputs of a program whose course the argument decides."""
    return run.unbounded(eqn, [by], by.parts & Parts.OPAQUE | Parts.NONLINEAR)


def _shard_map(
    run: "Interpreter", eqn: JaxprEqn, mapped: programs.ShardMap, ins: list[Known]
) -> list[Known]:
    found: list[list[Known]] = []

    def body(*arrays: Array) -> tuple[list[Any], Array]:
        args = _holding(ins, arrays)
        outs, load = run.apart(lambda: run.inside(eqn, mapped.body, args))
        found.append(outs)
        return [out.array for out in outs], load[None]

    sharded = jax.shard_map(
        body,
        mesh=mapped.mesh,
        in_specs=mapped.in_specs,
        out_specs=(list(mapped.out_specs), PartitionSpec(mapped.axes)),
        axis_names=set(mapped.axes),
        check_vma=mapped.check_vma,
    )
    arrays, loads = sharded(*_arrays(ins))
    run.log.loads.append(jnp.max(loads))
    return _holding(found[-1], arrays)


def _solve(
    run: "Interpreter", eqn: JaxprEqn, solve: programs.Solve, ins: list[Known]
) -> list[Known]:
    """A solution is computed by `solve`, so it is as linear and as precise as that is."""
    return run.inside(eqn, solve.solve, solve.split(ins))


def _arrays(known: Sequence[Known]) -> list[Any]:
    """For JAX's own loops; None, where there is no bound, is a pytree without leaves."""
    return jax.tree.map(jnp.asarray, [x.array for x in known])


def _array_as(run: "Interpreter", kept: Known, out: Known) -> Any:
    """The array of `out` in the form of `kept`, which is the wider of the two."""
    if kept.unbounded:
        return None
    return out.array if kept.constant else run.lift(out)


def _holding(known: Sequence[Known], arrays: Sequence[Any]) -> list[Known]:
    return [
        dataclasses.replace(x, array=array, norms=None)
        for x, array in zip(known, arrays, strict=True)
    ]


CONTROL: dict[type, Control] = {
    programs.Scan: _scan,
    programs.While: _while,
    programs.Branches: _branches,
    programs.ShardMap: _shard_map,
    programs.Solve: _solve,
}
"""By kind of control."""
