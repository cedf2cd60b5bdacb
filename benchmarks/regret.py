"""`python -m benchmarks.regret`: does the plan choose well on random geometries?

For every leg of every random geometry: `auto`, each other algorithm that supports it, and stock
JAX, timed in turn. See the README beside this file.
"""

import argparse
import dataclasses
import json
import math
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import jax
import numpy as np

from benchmarks import machine
from benchmarks.draws import random_cases
from benchmarks.legs import LEGS, LegCall, leg_calls
from benchmarks.run import prepare_process
from benchmarks.timing import Stopwatch, alternate, median_ratio, no_collection
from jaxdeconv import autotuning

__all__ = ["Record", "main", "summarise", "time_leg"]

STOCK = "stock JAX"
_TOO_SLOW = 3.0  # times auto's first estimate: algorithms slower than that are not timed again
_MARGIN, _SECONDS = 1.15, 20e-6  # "slower than stock" means by more than both
_NEAR_BEST = 1.25
_TOLERANCE = 1e-4  # relative to the largest entry; correctness proper is checked by the tests


@dataclasses.dataclass(frozen=True)
class Record:
    """One leg of one geometry, in types that JSON has.

    Attributes:
        case: its name.
        leg: its name.
        geometry: in words, with the channels.
        flops: useful operations.
        choice: the algorithm that the plan chose.
        predicted: supported algorithm -> predicted seconds.
        seconds: of `auto`.
        ratios: algorithm or `STOCK` -> its time over that of `auto`, which is the choice.
    """

    case: str
    leg: str
    geometry: str
    flops: int
    choice: str
    predicted: dict[str, float]
    seconds: float
    ratios: dict[str, float]

    @classmethod
    def of(cls, call: LegCall, plan: Any, seconds: float, ratios: Mapping[str, float]) -> Self:
        """With the fields that follow from the call and its plan."""
        case = call.case
        return cls(
            case=case.name,
            leg=call.leg,
            geometry=f"batch {case.batch}, {case.in_channels} -> {case.out_channels} per group, "
            f"{case.geometry}",
            flops=case.flops,
            choice=plan.algorithm,
            predicted={c.algorithm: c.seconds for c in plan.candidates if c.supported},
            seconds=seconds,
            ratios=dict(ratios),
        )

    @property
    def slower_than_stock(self) -> bool:
        """Whether it is slower by more than the noise of a good measurement."""
        stock = self.ratios[STOCK]
        return _MARGIN * stock < 1 and self.seconds * (1 - stock) > _SECONDS

    @property
    def regret(self) -> float:
        """Time of `auto` over that of the fastest of our algorithms: at least 1."""
        return 1 / self.ratios[self.best]

    @property
    def best(self) -> str:
        """The fastest of our own algorithms, including the choice."""
        own = {name: ratio for name, ratio in self.ratios.items() if name != STOCK}
        own[self.choice] = 1.0
        return min(own, key=own.__getitem__)

    @property
    def loss(self) -> float:
        """Time of `auto` over that of the fastest of all, including stock."""
        return max(self.regret, 1 / self.ratios[STOCK])


def time_leg(call: LegCall, rounds: int, stopwatch: Stopwatch | None = None) -> Record:
    """Check and time every implementation of one leg.

    Raises:
        ArithmeticError: two implementations disagree.
    """
    plan = call.plan()
    possible = [c.algorithm for c in plan.candidates if c.supported and not c.on_request]
    others = [name for name in possible if name != plan.algorithm]
    functions = {"auto": call.ours("auto"), STOCK: call.stock()}
    functions |= {name: call.ours(name) for name in others}
    operands = call.operands()
    programs = {name: _program(function, operands) for name, function in functions.items()}
    _check(call, programs)
    seconds, ratios = _time(programs, rounds, stopwatch or Stopwatch())
    ratios.setdefault(plan.algorithm, 1.0)
    return Record.of(call, plan, seconds, ratios)


def summarise(records: Sequence[Record]) -> list[str]:
    """One line per leg, and one for all."""
    lines = []
    for leg in (*LEGS, "all legs"):
        chosen = [record for record in records if leg in (record.leg, "all legs")]
        if chosen:
            slower = sum(record.slower_than_stock for record in chosen)
            near = sum(record.regret <= _NEAR_BEST for record in chosen)
            mean = statistics.geometric_mean(record.regret for record in chosen)
            gain = statistics.geometric_mean(record.ratios[STOCK] for record in chosen)
            lines.append(
                f"{leg}: slower than stock in {slower} of {len(chosen)}; within {_NEAR_BEST} of "
                f"our best in {near} of {len(chosen)}; {mean:.2f} times our best and "
                f"{1 / gain:.2f} times stock in the geometric mean"
            )
    return lines


def worst(records: Sequence[Record], count: int = 10) -> list[str]:
    """The records with the largest loss, and the predictions for them."""
    lines = []
    for record in sorted(records, key=lambda record: -record.loss)[:count]:
        expected = record.predicted
        lines.append(
            f"{record.loss:.2f}x  {record.case} {record.leg}: {record.choice} took "
            f"{_microseconds(record.seconds)} (expected {_microseconds(expected[record.choice])}), "
            f"{record.best} {_microseconds(record.seconds / record.regret)} "
            f"(expected {_microseconds(expected[record.best])}), "
            f"stock {_microseconds(record.seconds * record.ratios[STOCK])}\n"
            f"       {record.geometry}"
        )
    return lines


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, write.

    Args:
        argv: the arguments without the program's name; None: those of this process.

    Returns:
        0; 1 if two implementations of a leg disagreed.
    """
    options = _parser().parse_args(argv)
    prepare_process()
    description = machine.describe()
    records: list[Record] = []
    faults: list[str] = []
    cases = random_cases(options.random, options.seed)
    for index, case in enumerate(cases, 1):
        print(f"[{index}/{len(cases)}] {case.geometry}", file=sys.stderr, flush=True)
        for call in leg_calls(case):
            try:
                if call.leg in options.legs:
                    if options.autotune:
                        _tune(call)
                    records.append(time_leg(call, options.rounds))
            except ArithmeticError as fault:
                faults.append(f"WRONG, not timed: {fault}")
        jax.clear_caches()  # otherwise hundreds of compiled programs accumulate
    lines = [*summarise(records), *faults]
    print(*worst(records), "", *lines, machine.one_line(description), sep="\n")
    if options.json:
        document = {
            "summary": lines,
            "machine": description,
            "options": {
                "random": options.random,
                "seed": options.seed,
                "rounds": options.rounds,
                "autotune": options.autotune,
            },
            "records": [dataclasses.asdict(record) for record in records],
        }
        options.json.write_text(json.dumps(document, indent=1) + "\n")
    return int(bool(faults))


def _tune(call: LegCall) -> None:
    """Measure the leg, as a program that is compiled under `autotuning` does."""
    with autotuning():
        jax.jit(call.ours("auto")).lower(*call.operands())


def _program(
    function: Callable[..., jax.Array], operands: tuple[jax.Array, ...]
) -> Callable[[], jax.Array]:
    jitted = jax.jit(function)
    return lambda: jitted(*operands).block_until_ready()


def _check(call: LegCall, programs: Mapping[str, Callable[[], jax.Array]]) -> None:
    right = np.asarray(programs[STOCK]())
    for name, program in programs.items():
        got = np.asarray(program())
        distance = math.inf
        if got.shape == right.shape:
            distance = float(np.abs(got - right).max(initial=0) / (np.abs(right).max() or 1))
        if not distance <= _TOLERANCE:
            raise ArithmeticError(
                f"{name} and {STOCK} disagree by {distance:.1e} in {call.leg} of {call.case.name}"
            )


def _time(
    programs: Mapping[str, Callable[[], jax.Array]], rounds: int, stopwatch: Stopwatch
) -> tuple[float, dict[str, float]]:
    """Seconds of 'auto', and the others' times over it; very slow ones are timed only once."""
    with no_collection():
        estimates = {name: stopwatch.estimate(program) for name, program in programs.items()}
    limit = _TOO_SLOW * estimates["auto"]
    ratios = {name: seconds / estimates["auto"] for name, seconds in estimates.items()}
    timed = [name for name, seconds in estimates.items() if seconds <= limit]
    samples = alternate([programs[name] for name in timed], rounds, stopwatch)
    base = samples[timed.index("auto")]
    ratios |= {name: median_ratio(base, taken) for name, taken in zip(timed, samples, strict=True)}
    del ratios["auto"]
    return statistics.median(base), ratios


def _microseconds(seconds: float) -> str:
    return f"{1e6 * seconds:.0f} us"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m benchmarks.regret", description=__doc__)
    add = parser.add_argument
    add("--random", type=int, default=200, metavar="N", help="how many geometries")
    add(
        "--seed",
        type=int,
        default=2,
        help="of the geometries; the cost model was fitted on seed 1",
    )
    add("--legs", nargs="+", choices=LEGS, default=list(LEGS), help="which legs")
    add("--rounds", type=int, default=7, help="of all implementations in turn")
    add(
        "--autotune",
        action="store_true",
        help="under autotuning, which remembers: name another folder in JAXDECONV_CACHE",
    )
    add("--json", type=Path, metavar="FILE", help="write all measurements")
    return parser


if __name__ == "__main__":
    sys.exit(main())
