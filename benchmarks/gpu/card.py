"""The card that is measured."""

import re
import subprocess

import jax
import jax.numpy as jnp

from jaxdeconv.planning import devices

__all__ = ["device_name", "driver", "is_gpu", "kind", "slug", "works"]


def is_gpu() -> bool:
    """Whether JAX computes on a GPU here; also false where it has no backend at all."""
    try:
        return jax.default_backend() == "gpu"
    except RuntimeError:
        return False


def works() -> bool:
    """Whether it still computes: after an illegal access it does not, for this process."""
    try:
        return float(jnp.ones(2).sum()) == 2
    except Exception:  # whatever the driver says
        return False


def kind() -> str:
    """What its maker calls it."""
    return jax.devices()[0].device_kind


def slug(name: str) -> str:
    """A card as a part of a file's name: 'NVIDIA A100-SXM4-80GB' -> 'a100_sxm4_80gb'."""
    words = re.findall(r"[a-z0-9]+", name.lower())
    return "_".join(word for word in words if word != "nvidia") or "unknown"


def driver() -> str:
    """The version of its driver; '' where nothing tells it."""
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.split("\n")[0].strip()


def device_name(name: str) -> str:
    """The name under which the package keeps a card's constants; '' if it does not know it."""
    return devices.name_of(name)
