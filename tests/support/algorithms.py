"""Which algorithms this machine can run."""

from jaxdeconv.algorithms import dnnl

__all__ = ["runs_here"]


def runs_here(name: str) -> bool:
    """Whether the library is here that an algorithm calls, if it calls one."""
    return not ("onednn" in name and dnnl.missing())
