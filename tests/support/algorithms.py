"""Which algorithms this machine can run."""

from jaxdeconv.algorithms.convolutions import has_onednn
from jaxdeconv.algorithms.dnnl import library

__all__ = ["runs_here"]


def runs_here(name: str) -> bool:
    """Whether the library is here that an algorithm calls, if it calls one."""
    if "onednn" in name:
        return has_onednn()
    return not (name.startswith("dnnl") and library.missing())
