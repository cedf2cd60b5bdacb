"""The cost model of a CPU (`costmodel`): fitted to many times, or corrected by a few.

`fit` needs hundreds of measured problems. A minute gives dozens, so `corrected` starts from costs
that were fitted on another CPU and models how far the times are from them:

    log(measured / predicted) = common + own + g(z) + noise

`common` is the median over all algorithms: the whole machine is faster or slower. `own` is a
constant of each algorithm, with mean 0, and g a Gaussian process with the similarity of the cost
model. Both are 0 unless the measurements say otherwise: far from them `common` and a part of `own`
is all that changes.

An algorithm without costs there gets those of a third CPU, or is fitted, if it was measured often
enough (`extended`).

How much of this is believed, `calibrated` decides by plans for problems that were left out: they
must become better by more than chance, or only `common` is taken, which changes no plan. So a
disturbed measurement, or one too short, does no harm.
"""

import dataclasses
import functools
import itertools
import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from jaxdeconv.algorithms import ALGORITHMS, Problem
from jaxdeconv.algorithms.leg import LEGS
from jaxdeconv.planning import costmodel, processor, tuning_cache
from jaxdeconv.planning.costmodel import Cost, Table, coordinates, similarity

__all__ = [
    "Calibration",
    "Row",
    "Rows",
    "Timing",
    "calibrated",
    "corrected",
    "document",
    "extended",
    "fit",
    "forget",
    "left_out",
    "losses",
    "predicted",
    "row",
    "rows_of",
]

Timing: TypeAlias = tuple[Problem, Mapping[str, float]]
"""A problem, and the seconds of each algorithm that was measured."""

Row: TypeAlias = tuple[tuple[float, ...], tuple[float, ...], float]
"""Features of the work, coordinates of the problem, measured seconds: of one algorithm."""

Rows: TypeAlias = Mapping[str, Mapping[str, Sequence[Row]]]
"""By leg and algorithm."""

_Candidate: TypeAlias = Callable[[Rows], Table]

ENOUGH = 12
"""Problems for which an algorithm must be measured, if it has no costs yet."""

STRENGTHS = (0.01, 0.1, 1.0)
"""By how much the measurements may be believed: a factor of the variances of g and of `own`."""

_PROCESS, _NOISE, _OWN = 0.3, 0.02, 0.1
"""Variances of logarithms: of the Gaussian process, of a measurement, of `own`."""

_FOLDS = 5


@dataclasses.dataclass(frozen=True)
class Calibration:
    """What came of measuring a CPU.

    Attributes:
        table: its costs.
        before: seconds by algorithm for every problem, as the costs of the other CPU predict them.
        after: the same as `table` does; each problem by what was measured of others.
    """

    table: Table
    before: list[dict[str, float]]
    after: list[dict[str, float]]


def row(problem: Problem, algorithm: str, seconds: float) -> Row:
    """One measurement, as the model sees it."""
    one = next(one for one in ALGORITHMS[problem.leg] if one.name == algorithm)
    work = one.work(problem)
    return work.features, coordinates(problem, work), seconds


def rows_of(timings: Iterable[Timing]) -> Rows:
    """All measurements, by leg and algorithm."""
    rows: dict[str, dict[str, list[Row]]] = {leg: {} for leg in LEGS}
    for problem, seconds in timings:
        for name, took in seconds.items():
            rows[problem.leg].setdefault(name, []).append(row(problem, name, took))
    return rows


def fit(rows: Sequence[Row]) -> Cost:
    """The cost of one algorithm from its measurements alone.

    Non-negative least squares on relative errors gives the coefficients. A Gaussian process then
    models the logarithms of the residuals.
    """
    features = np.array([(*row, 1.0) for row, _, _ in rows])
    times = np.array([time for _, _, time in rows])
    relative = features / times[:, None]
    scale = np.where(relative.max(0) > 0, relative.max(0), 1.0)
    linear = nonnegative(relative / scale, np.ones(len(rows))) / scale
    residuals = np.log(times / np.maximum(features @ linear, 1e-7))
    offset = float(residuals.mean())
    points = np.array([point for _, point, _ in rows])
    _, weights = _regression(points, residuals - offset, 0.0, _PROCESS)
    return Cost(tuple(map(float, linear)), offset, points, weights)


def calibrated(
    table: Table, timings: Sequence[Timing], others: Sequence[Table] = ()
) -> Calibration:
    """Costs of another CPU, corrected by what was measured on this one as far as plans gain.

    Args:
        table: those of the other CPU.
        timings: what was measured.
        others: the costs of further CPUs.
    """

    def candidate(strength: float, rows: Rows) -> Table:
        return extended(corrected(table, rows, strength), rows, others, strength)

    best: _Candidate = functools.partial(corrected, table, strength=0.0)
    after = left_out(best, timings)
    for strength in (0.0, *STRENGTHS):
        one = functools.partial(candidate, strength)
        predictions = left_out(one, timings)
        gains = losses(after, timings) - losses(predictions, timings)
        if gains.mean() > gains.std() / math.sqrt(len(timings)):
            best, after = one, predictions
    before = [predicted(table, problem, seconds) for problem, seconds in timings]
    return Calibration(best(rows_of(timings)), before, after)


def losses(predictions: Sequence[Mapping[str, float]], timings: Sequence[Timing]) -> np.ndarray:
    """log(time of the algorithm that is predicted to be the fastest / least time), by problem."""
    return np.array(
        [
            math.log(seconds[min(known, key=known.__getitem__)] / min(seconds.values()))
            for known, (_, seconds) in zip(predictions, timings, strict=True)
        ]
    )


def corrected(table: Table, rows: Rows, strength: float = 1.0) -> Table:
    """Costs of another CPU, corrected by what was measured on this one.

    Args:
        table: those of the other CPU.
        rows: what was measured.
        strength: how much they are believed; 0: all costs are changed alike, and no plan.
    """
    residuals = {
        (leg, name): _residuals(table[leg][name], many)
        for leg, by_name in rows.items()
        for name, many in by_name.items()
        if name in table[leg]
    }
    common = float(np.median([*itertools.chain(*residuals.values())] or [0.0]))
    result: Table = {leg: {} for leg in table}
    for leg, by_name in table.items():
        for name, cost in by_name.items():
            many, far = rows[leg].get(name, []), residuals.get((leg, name), np.zeros(0))
            result[leg][name] = _corrected(cost, common, many, far, strength)
    return result


def extended(
    table: Table, rows: Rows, others: Sequence[Table] = (), strength: float = 1.0
) -> Table:
    """With costs for the algorithms that have none and were measured for `ENOUGH` problems.

    Args:
        table: the costs.
        rows: what was measured.
        others: of further CPUs: those that are there are shifted to what was measured.
        strength: as in `corrected`.
    """
    result: Table = {leg: dict(by_name) for leg, by_name in table.items()}
    for leg, by_name in rows.items():
        for name, many in by_name.items():
            if name in table[leg] or len(many) < ENOUGH:
                continue
            known = next((other[leg][name] for other in others if name in other[leg]), None)
            if known is None:
                result[leg][name] = fit(many)
                continue
            residuals = _residuals(known, many)
            common = float(np.median(residuals))
            result[leg][name] = _corrected(known, common, many, residuals, strength)
    return result


def _residuals(cost: Cost, rows: Sequence[Row]) -> np.ndarray:
    return np.array([math.log(time / cost.predict(*where)) for *where, time in rows])


def _corrected(
    cost: Cost, common: float, rows: Sequence[Row], residuals: np.ndarray, strength: float
) -> Cost:
    if not rows or not strength:
        return dataclasses.replace(cost, offset=cost.offset + common)
    points = np.array([point for _, point, _ in rows])
    own, weights = _regression(points, residuals - common, strength * _OWN, strength * _PROCESS)
    return Cost(
        cost.linear,
        cost.offset + common + own,
        np.concatenate([cost.points, points]),
        np.concatenate([cost.weights, weights]),
    )


def _regression(
    points: np.ndarray, values: np.ndarray, own: float, process: float
) -> tuple[float, np.ndarray]:
    """The posterior mean: a constant and weights of similarities; given are prior variances."""
    near = np.array([similarity(points, point) for point in points])
    covariance = own + process * near + _NOISE * np.eye(len(points))
    solved = np.linalg.solve(covariance, values)
    return own * float(solved.sum()), process * solved


def nonnegative(matrix: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The x >= 0 for which |matrix x - target| is least; of few columns.

    It is the least-squares solution on the columns where it is positive, so that of all sets of
    columns whose solution is non-negative, the best is taken.

    Cost: 2^columns small least-squares problems.
    """
    q, r = np.linalg.qr(matrix)
    target = q.T @ target
    columns = matrix.shape[1]
    best, least = np.zeros(columns), np.linalg.norm(target)
    for size in range(1, columns + 1):
        for support in map(list, itertools.combinations(range(columns), size)):
            found = np.linalg.lstsq(r[:, support], target, rcond=None)[0]
            distance = np.linalg.norm(r[:, support] @ found - target)
            if found.min() >= 0 and distance < least:
                best, least = np.zeros(columns), distance
                best[support] = found
    return best


def predicted(table: Table, problem: Problem, algorithms: Iterable[str]) -> dict[str, float]:
    """Seconds by algorithm, of those that have costs."""
    costs = table[problem.leg]
    return {
        name: costs[name].predict(*row(problem, name, 0.0)[:2])
        for name in algorithms
        if name in costs
    }


def left_out(costs: _Candidate, timings: Sequence[Timing]) -> list[dict[str, float]]:
    """Seconds by algorithm for every problem, predicted by what was measured of other problems.

    Args:
        costs: measurements -> costs.
        timings: what was measured; a fifth of the problems at a time is left out.
    """
    result: list[dict[str, float]] = [{} for _ in timings]
    for fold in range(_FOLDS):
        others = [timing for i, timing in enumerate(timings) if i % _FOLDS != fold]
        table = costs(rows_of(others))
        for i in range(fold, len(timings), _FOLDS):
            problem, seconds = timings[i]
            result[i] = predicted(table, problem, seconds)
    return result


def document(table: Table, command: str) -> str:
    """The text of a file of costs.

    Args:
        table: the costs.
        command: that measured them.
    """
    costs = {
        leg: {name: cost.written() for name, cost in by_name.items()}
        for leg, by_name in table.items()
    }
    about = {
        "command": command,
        "machine": str(processor.processor()),
        "versions": processor.versions(),
    }
    return json.dumps(about | {"costs": costs}, separators=(",", ":")) + "\n"


def forget() -> list[Path]:
    """Remove what was measured on this CPU, with any versions of the libraries; which files."""
    ours = costmodel.path()
    cpu, _, _ = ours.name.rpartition("-")
    files = sorted(ours.parent.glob(f"{cpu}-*.json"))
    for file in files:
        file.unlink()
    tuning_cache.forget()
    return files
