"""What kernels cost together, per convolution and per program."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Self

from jaxdeconv.compilers.cost import seconds
from jaxdeconv.compilers.kernels import Kernel
from jaxdeconv.compilers.targets import Target

__all__ = ["Compiled", "Tally"]


@dataclasses.dataclass(frozen=True)
class Tally:
    """Kernels, and what they cost together.

    Attributes:
        kernels: in the order in which they are launched.
        launches: their number, loops unrolled.
        flops: of matrix products and convolutions, multiplied zeros included; where there are none,
            of everything else (a depthwise convolution as sums of products).
        bytes: read and written in the device's memory.
        seconds: predicted.
    """

    kernels: tuple[Kernel, ...]
    launches: int
    flops: float
    bytes: float
    seconds: float

    @classmethod
    def of(
        cls, every: Sequence[Kernel], target: Target, belongs: Callable[[int | None], bool]
    ) -> Self:
        """Of the kernels whose tag `belongs`, and of such products in other kernels."""
        own = [one for one in every if belongs(one.tag)]
        products = sum(
            one.times * flops for one in every for tag, flops in one.products if belongs(tag)
        )
        return cls(
            tuple(own),
            sum(one.times for one in own if not one.running),
            products or sum(one.times * one.vector_flops for one in own),
            sum(one.times * one.bytes for one in own),
            sum(seconds(one, target.constants) for one in own),
        )


@dataclasses.dataclass(frozen=True)
class Compiled:
    """A program, compiled.

    Attributes:
        name: what it is.
        convolutions: the kernels of each of `Explanation.sources`, in that order. None at all: XLA
            found it in another one, or that nobody uses it.
        convolving: these together.
        others: all other kernels.
        total: all kernels.
        temporary_bytes: memory beside arguments and results; cuDNN's workspaces are not in it.
        hlo: XLA's optimized program, as text.
        error: why the compiler refuses the program, of which all else is then empty; else ''.
    """

    name: str
    convolutions: tuple[Tally, ...]
    convolving: Tally
    others: Tally
    total: Tally
    temporary_bytes: int
    hlo: str = dataclasses.field(repr=False)
    error: str = ""
