"""The compilers themselves: wheels from the package index, in a folder of their own.

XLA:GPU is in `jax-cuda12-pjrt` (beside `jax-cuda12-plugin`), XLA:TPU in `libtpu`; which release
belongs to the running jax, jax's own metadata says. Neither the CUDA libraries nor a driver is
needed. The folder is put on the path of one subprocess and of nothing else, because a jax that
finds these wheels tries to use them.
"""

import os
import platform as machine
import re
import shutil
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path

import jax

from jaxdeconv.compilers.targets import Target
from jaxdeconv.errors import ArgumentValueError

__all__ = ["folder", "install", "installed", "sizes", "wheels"]

_SIZES = {"cuda": (200, 490), "tpu": (215, 690)}
"""MB to download and on the disk, of the wheels for jax 0.10 to 0.12."""

_WHEELS = {
    "cuda": (
        r"(jax-cuda\d+)-plugin\b.*<=([\w.]+).*extra == \"cuda\"",
        "{0}-pjrt=={1} {0}-plugin=={1}",
    ),
    "tpu": (r"libtpu==([\w.*]+).*extra == \"tpu\"", "libtpu=={0}"),
}
"""By platform: how jax's metadata names the release, and what is installed."""


def folder(platform: str) -> Path:
    """Where the compiler for a platform is kept, for this jax and this Python.

    Below `$JAXDECONV_COMPILERS`, by default `~/.cache/jaxdeconv/compilers`.
    """
    root = os.environ.get("JAXDECONV_COMPILERS", "~/.cache/jaxdeconv/compilers")
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    return Path(root).expanduser() / f"{platform}-jax{jax.__version__}-{python}"


def wheels(target: Target) -> list[str]:
    """The requirements that bring the compiler for this jax.

    Raises:
        ValueError: there are none for this machine or this jax.
    """
    system = f"{machine.system()} {machine.machine()}"
    if system not in ("Linux x86_64", "Linux AMD64"):
        raise ArgumentValueError(
            "the compilers exist for Linux x86-64 alone",
            "Run this there; the device itself is not needed.",
            target=target.name,
            machine=system,
        )
    pattern, form = _WHEELS[target.platform]
    for requirement in metadata.requires("jax") or ():
        if found := re.search(pattern, requirement):
            return form.format(*found.groups()).split()
    raise ArgumentValueError(
        "this release of jax must name the wheels of the compiler, and it does not",
        "Install a released jax, 0.10 or later.",
        target=target.name,
        jax=jax.__version__,
    )


def installed(target: Target) -> Path:
    """The folder that holds the compiler.

    Raises:
        ValueError: it is not installed, or there is none for this machine or this jax.
    """
    path = folder(target.platform)
    if not path.exists():
        names = wheels(target)
        raise ArgumentValueError(
            f"the compiler for this target must be installed ({', '.join(names)})",
            f"Run once: python -m jaxdeconv compilers install {target.name} ({sizes(target)}).",
            target=target.name,
        )
    return path


def install(target: Target) -> Path:
    """Download the compiler, with pip's own progress on the terminal. Nothing if it is there.

    Args:
        target: what to compile for; targets of one platform share a compiler.

    Returns:
        The folder that holds it.

    Raises:
        ValueError: there is no compiler for this machine or this jax, or pip cannot install it.

    Cost: 200 to 215 MB to download, 490 to 690 MB on the disk.
    """
    path = folder(target.platform)
    if path.exists():
        return path
    names = wheels(target)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f"{path.name}.", dir=path.parent))
    try:
        command = ["pip", "install", "--no-deps", "--target", str(fresh), *names]
        done = subprocess.run([sys.executable, "-m", *command], check=False)
        if done.returncode:
            raise ArgumentValueError(
                f"pip must be able to install {' '.join(names)}, and failed as it says above",
                f"Try it by hand: {' '.join(command)}; this jax may have no such wheels.",
                target=target.name,
                jax=jax.__version__,
            )
        fresh.rename(path)  # whole or not at all
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return path


def sizes(target: Target) -> str:
    """What the compiler takes, in words."""
    download, disk = _SIZES[target.platform]
    return f"about {download} MB to download, {disk} MB on the disk"
