"""Predicted seconds of an algorithm on a CPU: its work, corrected by measured problems nearby.

    log seconds = log(c . (features, 1)) + offset + sum over i of a_i exp(-|z - z_i|^2 / 2)

The first term is linear in `Work.features` (multiplications, operands, temporaries, launches) with
measured c >= 0. What it does not know (when XLA's convolution falls into its slow loop, how well a
narrow product fills the vector units, the caches) is interpolated from the calibration problems
z_i, in the logarithms of the sizes that matter, each to its own scale: Gaussian-process regression
of the residuals. Far from everything measured the correction fades to the offset. The scales are
those with which problems left out of the fit are predicted best.
Reference: Rasmussen & Williams 2006, Gaussian Processes for Machine Learning, chapter 2.

The costs of some CPUs come with the package, in `costs/cpu_*.json`: `benchmarks/calibrate.py`
measures them. `python -m jaxdeconv calibrate` corrects them for the CPU that it runs on, and keeps
them in a file of the user's. `table` says which are taken.
"""

import dataclasses
import functools
import hashlib
import importlib.resources
import importlib.resources.abc
import json
import math
import os
import warnings
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self, TypeAlias

import numpy as np

from jaxdeconv.algorithms import Problem, Work
from jaxdeconv.algorithms.leg import LEGS
from jaxdeconv.errors import ArgumentValueError
from jaxdeconv.planning import processor, tuning_cache

__all__ = [
    "VARIABLE",
    "Cost",
    "Table",
    "coordinates",
    "nearest",
    "path",
    "seconds",
    "shipped",
    "shipped_names",
    "similarity",
    "table",
]

VARIABLE = "JAXDECONV_COSTS"
"""The environment variable that chooses the costs: the name of shipped ones, or a file."""

_FOLDER = importlib.resources.files("jaxdeconv.planning") / "costs"

_RESOLUTION = 1000
"""A file holds the z_i one after the other, in units of 1/RESOLUTION: whole numbers read fast."""

_FEATURES, _COORDINATES = 7, 13

_UNREADABLE = (OSError, ValueError, TypeError, KeyError, AttributeError)


@dataclasses.dataclass(frozen=True)
class Cost:
    """What was measured of one algorithm of one leg.

    Attributes:
        linear: c, seconds per feature, and the constant.
        offset: mean of the residuals' logarithms.
        points: z_i, `[problems, coordinates]`.
        weights: a_i, `[problems]`.
    """

    linear: tuple[float, ...]
    offset: float
    points: np.ndarray
    weights: np.ndarray

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> Self:
        """From what a file holds.

        Raises:
            ValueError, TypeError, KeyError: it holds something else.
        """
        linear, weights = np.array(record["linear"], float), np.array(record["weights"], float)
        points = np.array(record["points"], float).reshape(len(weights), _COORDINATES)
        offset = float(record["offset"])
        finite = all(np.isfinite(numbers).all() for numbers in (offset, linear, points, weights))
        if len(linear) != _FEATURES or min(linear) < 0 or not finite:
            raise ValueError("costs must be finite, and their coefficients 0 or more")
        return cls(tuple(map(float, linear)), offset, points / _RESOLUTION, weights)

    def written(self) -> dict[str, Any]:
        """What a file is to hold."""
        return {
            "linear": [float(f"{c:.4g}") for c in self.linear],
            "offset": round(self.offset, 4),
            "points": np.rint(_RESOLUTION * self.points).astype(int).ravel().tolist(),
            "weights": np.round(self.weights, 4).tolist(),
        }

    def seconds(self, problem: Problem, work: Work) -> float:
        """The predicted time of one call."""
        width = problem.accumulator.itemsize / 4  # measured in float32
        return width * self.predict(work.features, coordinates(problem, work))

    def predict(self, features: tuple[float, ...], point: tuple[float, ...]) -> float:
        """The same in float32, from the features of the work and from z."""
        base = sum(c * f for c, f in zip(self.linear, (*features, 1.0), strict=True))
        correction = self.offset + float(similarity(self.points, np.asarray(point)) @ self.weights)
        return float(max(base, 1e-7) * math.exp(correction))


Table: TypeAlias = dict[str, dict[str, Cost]]
"""All that was measured, by leg and algorithm."""


def coordinates(problem: Problem, work: Work) -> tuple[float, ...]:
    """z: where a problem lies among the measured ones, every logarithm to its scale."""
    geometry = problem.geometry
    sizes = (
        *((0.12, work.m), (0.12, work.k), (0.12, work.n), (0.33, work.times)),
        *((0.06, work.moved), (0.23, work.calls), (0.08, problem.batch_size)),
        *((0.16, problem.kernel_taps), (0.08, math.prod(geometry.stride))),
        *((0.32, problem.in_per_group), (0.23, problem.out_per_group)),
    )
    dilated = max(geometry.dilation, default=1) > 1
    logarithms = (scale * math.log(max(size, 1.0)) for scale, size in sizes)
    return (*logarithms, 1.3 * geometry.ndim, 0.08 * dilated)


def similarity(points: np.ndarray, point: np.ndarray) -> np.ndarray:
    """exp(-|z - z_i|^2 / 2) for every z_i."""
    weights: np.ndarray = np.exp(-np.square(points - point).sum(-1) / 2)
    return weights


def seconds(problem: Problem, algorithm: str, work: Work) -> float:
    """The predicted time of one call on this CPU; nan if the algorithm was not measured."""
    cost = table()[problem.leg].get(algorithm)
    return math.nan if cost is None else cost.seconds(problem, work)


@tuning_cache.follows
@functools.cache
def table() -> Table:
    """The costs that plans follow.

    Those that `$JAXDECONV_COSTS` asks for: 'amd', 'intel', or a file. Otherwise those that the user
    has had measured on this CPU with these libraries, if any. Otherwise the shipped ones of the
    `nearest` CPU. An algorithm that they do not have is used on request alone.

    Nothing is measured here: this is called while a program of the user's is traced. Measuring
    would take a minute, would be disturbed by what else runs in that process, and would let two
    runs of one program, or the processes of one job, compile different algorithms.

    Raises:
        ValueError: the environment variable asks for what is not there.
    """
    wanted = os.environ.get(VARIABLE)
    if not wanted:
        return _calibrated() or shipped(nearest())
    if wanted in (names := shipped_names()):
        return shipped(wanted)
    try:
        return _read(Path(wanted).expanduser().read_text(encoding="utf-8"))
    except _UNREADABLE as error:
        raise ArgumentValueError(
            f"the environment variable {VARIABLE} must be one of {', '.join(map(repr, names))}, or "
            f"a file that 'python -m jaxdeconv calibrate --output FILE' wrote ({error})",
            "Unset it, and the costs of the nearest CPU are taken.",
            **{VARIABLE: wanted},
        ) from None


def shipped_names() -> tuple[str, ...]:
    """Of the CPUs whose costs come with the package."""
    names = (file.name.removesuffix(".json") for file in _FOLDER.iterdir())
    return tuple(sorted(name[4:] for name in names if name.startswith("cpu_")))


def nearest() -> str:
    """The name of the shipped costs whose CPU is nearest to this one: 'intel' is with AVX-512."""
    here = processor.processor()
    name = "intel" if here.vendor == "GenuineIntel" and here.avx512 else "amd"
    return name if name in shipped_names() else "amd"


def shipped(name: str) -> Table:
    """Costs that come with the package."""
    return _read(_shipped_file(name).read_text(encoding="utf-8"))


def path() -> Path:
    """Where the costs are kept that were measured on this CPU, for these libraries.

    The shipped costs that they correct are a part of the name, because they change with the
    algorithms.
    """
    corrected = f"costs {zlib.crc32(_shipped_file(nearest()).read_bytes()):08x}"
    parts = (str(processor.processor()), f"{processor.versions()}, {corrected}")
    digests = (hashlib.sha256(part.encode()).hexdigest()[:12] for part in parts)
    return tuning_cache.directory() / f"calibration-{'-'.join(digests)}.json"


def _calibrated() -> Table | None:
    file = path()
    try:
        return _read(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except _UNREADABLE as error:
        warnings.warn(f"jaxdeconv: ignored {file}, which cannot be read: {error}", stacklevel=2)
        return None


def _read(text: str) -> Table:
    costs = json.loads(text)["costs"]
    return {leg: {name: Cost.read(record) for name, record in costs[leg].items()} for leg in LEGS}


def _shipped_file(name: str) -> importlib.resources.abc.Traversable:
    return _FOLDER / f"cpu_{name}.json"
