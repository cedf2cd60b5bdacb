"""Where convolutions are replaced: names of platforms, as JAX's lowering calls them."""

import dataclasses
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import jax

from jaxdeconv.errors import ArgumentValueError
from jaxdeconv.planning import measuring

__all__ = ["DEFAULT", "NAMES", "Platforms", "as_platforms", "default_platform", "platform_of"]


@dataclasses.dataclass(frozen=True)
class Platforms:
    """Where convolutions are replaced, and how that is decided.

    Attributes:
        names: of the platforms.
        autotune: whether legs and convolutions are measured there when they are lowered.
    """

    names: tuple[str, ...]
    autotune: bool = False

    def __contains__(self, platform: str) -> bool:
        return platform in self.names

    def traced(self) -> AbstractContextManager[Any]:
        """While this is entered, legs that are traced are measured, too."""
        return measuring.switched(self.autotune or measuring.is_on())


NAMES = ("cpu", "cuda", "rocm", "tpu")
"""The platforms for which legs can be lowered."""

DEFAULT: tuple[str, ...] = ("cpu", "cuda", "tpu")
"""The platforms on which it is known which convolutions legs better: by measurement on CPUs, by
compiled programs on the others."""

_FAMILIES = {"gpu": ("cuda", "rocm")} | {name: (name,) for name in NAMES}


def as_platforms(platforms: str | Sequence[str]) -> tuple[str, ...]:
    """What users write as names, in a fixed order; 'gpu' means both kinds.

    Args:
        platforms: one name, or several.

    Raises:
        ValueError: an unknown name.
    """
    given = [platforms] if isinstance(platforms, str) else list(platforms)
    if any(one not in _FAMILIES for one in given):
        raise ArgumentValueError(
            f"platforms must be one or more of {', '.join(map(repr, _FAMILIES))}",
            'Pass e.g. platforms=("cpu", "gpu").',
            platforms=platforms,
        )
    return tuple(sorted({name for one in given for name in _FAMILIES[one]}))


def default_platform() -> str:
    """The platform of JAX's default device."""
    config: Any = jax.config
    device = config.jax_default_device
    if device is None:
        return platform_of(jax.devices()[0])
    return device if isinstance(device, str) else platform_of(device)


def platform_of(device: Any) -> str:
    """A device's platform as lowering names it: 'cuda' or 'rocm' where the device says 'gpu'."""
    if device.platform != "gpu":
        return str(device.platform)
    return "rocm" if "rocm" in device.client.platform_version.lower() else "cuda"
