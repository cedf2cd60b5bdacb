"""What the real compilers made of small functions, kept as text; and `explain` on such a text.

The texts are of jax 0.10.2, without the names of files. `python -m pytest tests/compilers -rs` says
whether the compilers themselves were at hand as well.
"""

import os
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest
from jax import Array, lax

from jaxdeconv import compilers
from jaxdeconv.compilers import explaining
from jaxdeconv.compilers.compiling import Optimized
from jaxdeconv.compilers.hlo import Module, parse

TEXTS = Path(__file__).parent / "texts"
NUMBERS = ("NHWC", "HWIO", "NHWC")


def upsample(x: Array, w: Array) -> Array:
    """As Flax does: XLA:GPU writes its zeros out, XLA:TPU does not."""
    return lax.conv_transpose(x, w, (2, 2), "SAME", dimension_numbers=NUMBERS)


WHERE = os.path.relpath(__file__) + f":{upsample.__code__.co_firstlineno + 2}"

OPERANDS = (
    jax.ShapeDtypeStruct((2, 4, 4, 16), jnp.bfloat16),
    jax.ShapeDtypeStruct((4, 4, 16, 8), jnp.bfloat16),
)
"""Of `upsample`, as it was compiled as 'h100_stuffed' and 'v5e_stuffed'."""


def text(name: str) -> str:
    """A stored program."""
    return (TEXTS / f"{name}.hlo").read_text(encoding="utf-8")


def module(name: str) -> Module:
    """The same, read."""
    return parse(text(name))


def explained(
    monkeypatch: pytest.MonkeyPatch, *texts: str, target: str = "h100"
) -> compilers.Explanation:
    """`explain(upsample)` where the compiler gives these texts: as it is, accelerated."""
    monkeypatch.setattr(explaining, "installed", lambda _: None)
    given = [Optimized(hlo=one, temporary_bytes=1 << 20) for one in texts]
    monkeypatch.setattr(explaining, "optimized", lambda programs, *_: given[: len(programs)])
    return compilers.explain(upsample, *OPERANDS, target=target)
