"""A compiled program as kernels, and their predicted time.

All that this benchmark takes from inside `jaxdeconv.compilers` is here and in `card`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxdeconv.compilers import cost, hlo, kernels, targets

__all__ = ["data_sheet", "launches", "predict", "remember"]


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
        constants: by the names of `targets.Constants`.
    """
    speeds = targets.Constants(**constants)
    return sum(cost.seconds(kernel, speeds) for kernel in kernels.kernels(hlo.parse(text), True))


def data_sheet(name: str) -> dict[str, Any]:
    """The constants that the package uses now, measured or not.

    Args:
        name: of the device.
    """
    known = targets.find(name)
    fields = ("launch_seconds", "bytes_per_second", "vector_flops_per_second")
    speeds = {field: getattr(known.constants, field) for field in fields}
    return {**speeds, "flops_per_second": dict(known.constants.flops_per_second)}


def remember(name: str, constants: Mapping[str, Any], basis: str) -> Path:
    """Let the planner use these constants from now on; those that are left out stay as they are.

    Args:
        name: of the device.
        constants: by the names of `targets.Constants`.
        basis: how they were measured.

    Returns:
        The file that holds them.
    """
    flops = {**data_sheet(name)["flops_per_second"], **constants.get("flops_per_second", {})}
    return targets.remember(name, {**constants, "flops_per_second": flops}, basis)
