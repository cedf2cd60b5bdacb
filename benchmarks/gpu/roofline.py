"""A compiled program as kernels, and their predicted time.

All that this benchmark takes from inside `jaxdeconv.compilers` is here and in `card`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxdeconv.compilers import cost, hlo, kernels, targets
from jaxdeconv.planning import devices

__all__ = ["data_sheet", "launches", "merged", "predict", "remember"]

_SPEEDS = ("bytes_per_second", "vector_flops_per_second")


def launches(text: str) -> int:
    """How many kernels a program launches.

    Args:
        text: its optimized HLO.
    """
    return sum(kernel.times for kernel in kernels.kernels(hlo.parse(text), True))


def predict(text: str, constants: Mapping[str, Any]) -> float:
    """Seconds of a program on an idle device, its start not included.

    Args:
        text: its optimized HLO.
        constants: by the names of `devices.Constants`.
    """
    speeds = devices.Constants(**constants)
    return sum(cost.seconds(kernel, speeds) for kernel in kernels.kernels(hlo.parse(text), True))


def data_sheet(name: str) -> dict[str, Any]:
    """The constants that the package uses now, measured or not.

    Args:
        name: of the device.
    """
    known = targets.find(name)
    speeds = {field: getattr(known.constants, field) for field in ("launch_seconds", *_SPEEDS)}
    return {**speeds, "flops_per_second": dict(known.constants.flops_per_second)}


def merged(known: Mapping[str, Any], fitted: Mapping[str, Any]) -> dict[str, Any]:
    """Fitted constants, and known ones where nothing was fitted; empty if some are in neither.

    Args:
        known: from `data_sheet`, or empty.
        fitted: by the names of `devices.Constants`.
    """
    flops = {**known.get("flops_per_second", {}), **fitted.get("flops_per_second", {})}
    both = {**known, **fitted}
    if not flops or not {"launch_seconds", *_SPEEDS} <= both.keys():
        return {}
    flops.setdefault("f32 highest", min(flops.values()))  # which stands for dtypes without any
    return {**both, "flops_per_second": flops}


def remember(name: str, constants: Mapping[str, Any], basis: str) -> Path:
    """Let the planner use these constants from now on; those that are left out stay as they are.

    Args:
        name: of the device.
        constants: by the names of `devices.Constants`.
        basis: how they were measured.

    Returns:
        The file that holds them.
    """
    return devices.remember(name, merged(data_sheet(name), constants), basis)
