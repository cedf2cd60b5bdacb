"""The accelerators that are planned and compiled for, and their speeds.

One file each in `costs/`. The speeds (`Constants`) are data sheets' until somebody has measured: a
file `NAME.json` in the folder `$JAXDECONV_DEVICES` (default: `~/.cache/jaxdeconv/devices`) that
holds {"constants": {...}, "basis": "measured on ..."} takes their place, whole or in part. A
benchmark that runs on the device writes it by `remember`: `python -m benchmarks.gpu`.
"""

import dataclasses
import importlib.resources
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax

from jaxdeconv.arguments.choices import check_choice
from jaxdeconv.planning import tuning_cache

__all__ = ["NAMES", "Constants", "Device", "find", "name_of", "of_family", "remember"]

_COSTS = importlib.resources.files("jaxdeconv.planning") / "costs"

NAMES = ("a100", "h100", "v5e", "v6e")

_USUAL = {"gpu": "h100", "tpu": "v5e"}
"""What a family of platforms is planned for where no device of it is at hand."""


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

    def seconds(self, dtype: str, flops: float, vector_flops: float, bytes_moved: float) -> float:
        """Of one kernel: a roofline.

        Args:
            dtype: of the products' operands, by HLO's name; 'f32 highest' without TF32.
            flops: of matrix units.
            vector_flops: of all else.
            bytes_moved: to and from the device's memory.
        """
        speeds = self.flops_per_second
        return max(
            self.launch_seconds,
            bytes_moved / self.bytes_per_second,
            flops / speeds.get(dtype, speeds["f32 highest"]),
            vector_flops / self.vector_flops_per_second,
        )


@dataclasses.dataclass(frozen=True)
class Device:
    """An accelerator.

    Attributes:
        name: as users write it.
        kind: as its maker calls it, and as JAX does.
        constants: its speeds.
        basis: where these come from.
        compiler: what its compiler is told: see `jaxdeconv.compilers.targets`.
    """

    name: str
    kind: str
    constants: Constants
    basis: str
    compiler: Mapping[str, Any] = dataclasses.field(repr=False, hash=False)


def find(name: str) -> Device:
    """The device of this name.

    Raises:
        ValueError: there is none.
    """
    check_choice("target", name, NAMES)
    record = json.loads((_COSTS / f"{name}.json").read_text(encoding="utf-8"))
    path = _measured(name)
    if path.exists():
        measured = json.loads(path.read_text(encoding="utf-8"))
        record["constants"] |= measured["constants"]
        record["basis"] = measured["basis"]
    constants = Constants(**record.pop("constants"))
    return Device(name, record.pop("kind"), constants, record.pop("basis"), record)


def of_family(family: str) -> Device:
    """The device of a family of platforms that plans are made for.

    Args:
        family: 'gpu' or 'tpu'.

    Returns:
        That which JAX has, if its speeds are known; else an H100 or a TPU v5e.
    """
    local = jax.devices()[0]
    name = name_of(local.device_kind) if local.platform == family else ""
    return find(name or _USUAL[family])


def name_of(kind: str) -> str:
    """The name of a device by what its maker calls it; '' if its speeds are not known."""
    words = re.findall(r"[a-z0-9]+", kind.lower().replace(" lite", "e"))  # "TPU v6 lite"
    return next((name for name in NAMES if name in words), "")


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
    tuning_cache.forget()
    return path


def _measured(name: str) -> Path:
    folder = os.environ.get("JAXDECONV_DEVICES", "~/.cache/jaxdeconv/devices")
    return Path(folder).expanduser() / f"{name}.json"
