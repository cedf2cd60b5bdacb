"""The CPU of this machine, and the libraries whose kernels run on it."""

import dataclasses
import functools
import importlib.metadata
import platform
from pathlib import Path

import jax
import jaxlib.version

from jaxdeconv.algorithms.dnnl.library import DISTRIBUTION, cores

__all__ = ["Processor", "processor", "versions"]

_LINUX = Path("/proc/cpuinfo")


@dataclasses.dataclass(frozen=True)
class Processor:
    """A CPU.

    Attributes:
        model: as its maker calls it, as far as the system tells.
        vendor: 'GenuineIntel', 'AuthenticAMD', ...; '' if the system does not tell.
        avx512: whether it is known to have AVX-512.
        cores: how many this process may use.
    """

    model: str
    vendor: str
    avx512: bool
    cores: int

    def __str__(self) -> str:
        return f"{self.model}, {self.cores} core{'' if self.cores == 1 else 's'}"


@functools.cache
def processor() -> Processor:
    """That of this machine."""
    try:
        text = _LINUX.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    # one paragraph per core: the first says it
    lines = (line.partition(":") for line in text.partition("\n\n")[0].splitlines())
    said = {name.strip(): value.strip() for name, _, value in lines}
    return Processor(
        said.get("model name") or platform.processor() or platform.machine() or "unknown CPU",
        said.get("vendor_id", ""),
        "avx512f" in said.get("flags", "").split(),
        cores(),
    )


def versions() -> str:
    """Of the libraries whose kernels are measured."""
    try:
        onednn = importlib.metadata.version(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        onednn = "not installed"
    return f"jax {jax.__version__}, jaxlib {jaxlib.version.__version__}, {DISTRIBUTION} {onednn}"
