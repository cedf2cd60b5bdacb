"""The devices that can be compiled for: what the compiler is told of them.

Their speeds are those that plans are made with: see `jaxdeconv.planning.devices`.
"""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from jaxdeconv.planning import devices
from jaxdeconv.planning.devices import NAMES, Constants

__all__ = ["NAMES", "Target", "find"]


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
    device = devices.find(name)
    record = device.compiler
    return Target(
        name,
        device.kind,
        record["platform"],
        record["topology"],
        _as_text(record.get("target_config", {})),
        record.get("accelerator_type", ""),
        record["multiplies_dilation_zeros"],
        device.constants,
        device.basis,
    )


def _as_text(fields: Mapping[str, Any]) -> str:
    """A record as the text of a protocol buffer."""
    return " ".join(
        f"{name} {{ {_as_text(value)} }}"
        if isinstance(value, dict)
        else f"{name}: {json.dumps(value)}"
        for name, value in fields.items()
    )
