"""`explain`: what the compiler for a device makes of a function's convolutions."""

import dataclasses
import math
from collections.abc import Callable, Collection, Sequence
from typing import Any, Self

import jax

from jaxdeconv.acceleration.platforms import DEFAULT
from jaxdeconv.acceleration.rewrite import rewrite
from jaxdeconv.acceleration.transform import Accelerated
from jaxdeconv.compilers import hlo, program
from jaxdeconv.compilers.compiling import Optimized, optimized
from jaxdeconv.compilers.cost import seconds
from jaxdeconv.compilers.install import installed
from jaxdeconv.compilers.kernels import Kernel, kernels
from jaxdeconv.compilers.program import Source
from jaxdeconv.compilers.targets import Target, find
from jaxdeconv.errors import ArgumentTypeError, reporting

__all__ = ["Compiled", "Explanation", "Tally", "explain"]


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
    def of(cls, every: Sequence[Kernel], tags: Collection[int | None], target: Target) -> Self:
        """Of the kernels of some convolutions (None: of none), and of their products in others."""
        own = [one for one in every if one.tag in tags]
        products = sum(
            one.times * flops for one in every for tag, flops in one.products if tag in tags
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
    """

    name: str
    convolutions: tuple[Tally, ...]
    convolving: Tally
    others: Tally
    total: Tally
    temporary_bytes: int
    hlo: str = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True)
class Explanation:
    """What a compiler makes of a function's convolutions; print it.

    Attributes:
        target: the device.
        jax: the version, to which the compiler belongs.
        sources: the convolutions that the function asks for.
        programs: the function as it is, and accelerated.
        unchanged: whether `accelerate` leaves this platform alone unless it is asked for it.
    """

    target: Target
    jax: str
    sources: tuple[Source, ...]
    programs: tuple[Compiled, ...]
    unchanged: bool

    def zeros(self, compiled: Compiled, number: int) -> float:
        """The share of multiplications by zeros of padding and dilation, or of those done twice.

        Args:
            compiled: one of `programs`.
            number: which of `sources`.
        """
        flops = compiled.convolutions[number].flops
        return max(0.0, 1 - self.sources[number].flops / flops) if flops else math.nan

    @property
    def gain(self) -> float:
        """Predicted time of the function over that of the accelerated one; nan if it is the same."""
        if len(self.programs) < 2 or not self.programs[-1].total.seconds:
            return math.nan
        return self.programs[0].total.seconds / self.programs[-1].total.seconds

    def __str__(self) -> str:
        from jaxdeconv.compilers import report  # noqa: PLC0415  which needs these classes

        return report.text(self)

    __repr__ = __str__  # what a notebook shows

    def to_json(self) -> str:
        """All of it but the HLO, as JSON."""
        from jaxdeconv.compilers import report  # noqa: PLC0415

        return report.as_json(self)


@reporting
def explain(
    step: Callable[..., Any],
    /,
    *args: Any,
    target: str = "h100",
    progress: Callable[[str], None] = lambda _: None,
    **kwargs: Any,
) -> Explanation:
    """Compile a function for a device that is not here, and tell what becomes of its convolutions.

    Nothing is computed and no device is needed. The function is traced and lowered here, compiled
    by the device's own compiler in a subprocess, and read back: per convolution, with its source
    line, the kernels that compute it, their dtype, how many of their multiplications meet a zero,
    bytes, launches and the time that a roofline predicts; once as it is and once under
    `jaxdeconv.accelerate` for that platform. The times are predicted from the compiled program and
    not measured: trust a difference in bytes, operations or launches, not one of a few percent.

    Args:
        step: any function that JAX can trace, such as a training step of Flax, Equinox or Haiku;
            compiled by `jax.jit` or not. Donated arguments are not.
        args: its arguments, `jax.ShapeDtypeStruct` in the place of arrays if you like. Modules of
            Flax NNX are not changed.
        target: 'h100', 'a100', 'v5e' or 'v6e'. Its compiler must have been installed once, by
            `python -m jaxdeconv compilers install h100`.
        progress: called with a line of text before something that takes a while.
        kwargs: keyword arguments of `step`.

    Returns:
        What was found; print it, or ask `to_json()`.

    Raises:
        TypeError: `step` is not callable.
        ValueError: the target is not known, its compiler is not installed or does not exist for
            this machine or this jax, or it refuses the program.

    Cost: a trace, twice the compilation (some seconds; on TPUs up to minutes), no arithmetic.
    """
    if not callable(step):
        raise ArgumentTypeError(
            "step must be callable", "Pass the function itself, not its result.", step=step
        )
    device = find(target)
    installed(device)
    fun, platforms = step, (device.platform,)
    if isinstance(step, Accelerated):
        fun, platforms = step.__wrapped__, step.platforms
    progress("tracing")
    closed, times = program.tagged(fun, args, kwargs)
    found = program.sources(closed, times)
    names = ["as it is"]
    programs = [program.lowered(closed, device.platform)]
    changed = rewrite(closed, platforms)
    if changed is not closed:
        names.append("accelerated")
        programs.append(program.lowered(changed, device.platform))
    progress(f"compiling {len(programs)} programs for {device.name}")
    compiled = optimized(programs, device, lambda i: progress(f"compiled: {names[i]}"))
    unchanged = device.platform not in DEFAULT and fun is step
    return Explanation(
        device,
        jax.__version__,
        tuple(found),
        tuple(_read(name, one, found, device) for name, one in zip(names, compiled, strict=True)),
        unchanged,
    )


def _read(name: str, one: Optimized, found: list[Source], target: Target) -> Compiled:
    every = kernels(hlo.parse(one.hlo), target.multiplies_dilation_zeros)
    tags = {source.tag for source in found}

    def tally(tags: Collection[int | None]) -> Tally:
        return Tally.of(every, tags, target)

    return Compiled(
        name,
        tuple(tally({source.tag}) for source in found),
        tally(tags),
        tally({None}),
        tally({None, *tags}),
        one.temporary_bytes,
        one.hlo,
    )
