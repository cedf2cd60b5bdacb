"""The devices that can be compiled for: what the compiler is told of them, and their speeds.

One file each in `devices/`. The speeds (`Constants`) are data sheets' until somebody has measured:
a file `NAME.json` in the folder `$JAXDECONV_DEVICES` (default: `~/.cache/jaxdeconv/devices`) that
holds {"constants": {...}, "basis": "measured on ..."} takes their place, whole or in part. A
benchmark that runs on the device writes it by `remember`.
"""

import dataclasses
import importlib.resources
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxdeconv.arguments.choices import check_choice

__all__ = ["NAMES", "Constants", "Target", "find", "remember"]

_DEVICES = importlib.resources.files("jaxdeconv.compilers") / "devices"

NAMES = tuple(sorted(file.name.removesuffix(".json") for file in _DEVICES.iterdir()))


@dataclasses.dataclass(frozen=True)
class Constants:
    """The speeds of a device, as far as convolutions reach them.

    Attributes:
        launch_seconds: the least time of one kernel.
        bytes_per_second: to and from the device's memory.
        vector_flops_per_second: outside of the matrix units.
        flops_per_second: of the matrix units, by HLO's name of the operands' dtype; 'f32 highest'
            is float32 without TF32 or bfloat16 passes.
        cycles_per_second: of a TPU, whose compiler estimates cycles; 0 elsewhere.
    """

    launch_seconds: float
    bytes_per_second: float
    vector_flops_per_second: float
    flops_per_second: Mapping[str, float]
    cycles_per_second: float = 0.0


@dataclasses.dataclass(frozen=True)
class Target:
    """A device.

    Attributes:
        name: as users write it.
        kind: as its maker calls it.
        platform: as JAX's lowering calls it, 'cuda' or 'tpu'.
        topology: the name of the smallest topology that the compiler takes.
        target_config: what XLA:GPU is told, as the text of its protocol buffer; '' for TPUs.
        accelerator_type: what XLA:TPU is told; '' for GPUs.
        multiplies_dilation_zeros: whether a dilated input costs as much as one full of numbers.
        constants: its speeds.
        basis: where these come from.
    """

    name: str
    kind: str
    platform: str
    topology: str
    target_config: str
    accelerator_type: str
    multiplies_dilation_zeros: bool
    constants: Constants
    basis: str


def find(name: str) -> Target:
    """The device of this name.

    Raises:
        ValueError: there is none.
    """
    check_choice("target", name, NAMES)
    record = json.loads((_DEVICES / f"{name}.json").read_text(encoding="utf-8"))
    path = _measured(name)
    if path.exists():
        measured = json.loads(path.read_text(encoding="utf-8"))
        record["constants"] |= measured["constants"]
        record["basis"] = measured["basis"]
    return Target(
        name,
        record["kind"],
        record["platform"],
        record["topology"],
        _as_text(record.get("target_config", {})),
        record.get("accelerator_type", ""),
        record["multiplies_dilation_zeros"],
        Constants(**record["constants"]),
        record["basis"],
    )


def remember(name: str, constants: Mapping[str, Any], basis: str) -> Path:
    """Let measured speeds take the place of those of the data sheet, for this user.

    Args:
        name: of the device.
        constants: by the names of `Constants`; those that are left out stay as they are.
        basis: how they were measured: the card, the date, the program.

    Returns:
        The file that holds them now; delete it to forget them.

    Raises:
        ValueError: there is no such device or constant.
    """
    check_choice("target", name, NAMES)
    known = [field.name for field in dataclasses.fields(Constants)]
    for constant in constants:
        check_choice("constants", constant, known)
    path = _measured(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"constants": dict(constants), "basis": basis}, indent=1)
    path.write_text(f"{text}\n", encoding="utf-8")
    return path


def _measured(name: str) -> Path:
    folder = os.environ.get("JAXDECONV_DEVICES", "~/.cache/jaxdeconv/devices")
    return Path(folder).expanduser() / f"{name}.json"


def _as_text(fields: Mapping[str, Any]) -> str:
    """A record as the text of a protocol buffer."""
    return " ".join(
        f"{name} {{ {_as_text(value)} }}"
        if isinstance(value, dict)
        else f"{name}: {json.dumps(value)}"
        for name, value in fields.items()
    )
