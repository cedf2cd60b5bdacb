"""Names of platforms, as JAX's lowering calls them."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import jax

from jaxdeconv.errors import ArgumentValueError

__all__ = ["DEFAULT", "NAMES", "Platforms", "as_platforms", "default_platform", "platform_of"]

Platforms: TypeAlias = tuple[str, ...]

NAMES = ("cpu", "cuda", "rocm", "tpu")
"""The platforms for which legs can be lowered."""

DEFAULT: Platforms = ("cpu", "cuda", "tpu")
"""The platforms on which it is known which convolutions legs better: by measurement on CPUs, by
compiled programs on the others."""

_FAMILIES = {"gpu": ("cuda", "rocm")} | {name: (name,) for name in NAMES}


def as_platforms(platforms: str | Sequence[str]) -> Platforms:
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
