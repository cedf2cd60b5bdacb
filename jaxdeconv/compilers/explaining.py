"""`explain`: what the compiler for a device makes of a function's convolutions."""

import functools
import operator
from collections.abc import Callable
from typing import Any

import jax

from jaxdeconv.acceleration.accelerate import Accelerated
from jaxdeconv.acceleration.platforms import Platforms, as_platforms
from jaxdeconv.acceleration.rewrite import rewrite
from jaxdeconv.compilers import hlo, program
from jaxdeconv.compilers.compiling import Optimized, optimized, refused
from jaxdeconv.compilers.installing import installed
from jaxdeconv.compilers.kernels import Kernel, kernels
from jaxdeconv.compilers.program import Source
from jaxdeconv.compilers.report import Explanation
from jaxdeconv.compilers.tally import Compiled, Tally
from jaxdeconv.compilers.targets import Target, find
from jaxdeconv.errors import ArgumentTypeError, reporting

__all__ = ["explain"]


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
            compiled by `jax.jit` or not. That arguments are donated is ignored.
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
            this machine or this jax, or it refuses the program both as it is and accelerated.

    Cost: a trace, twice the compilation (some seconds; on TPUs up to minutes), no arithmetic.
    """
    if not callable(step):
        raise ArgumentTypeError(
            "step must be callable", "Pass the function itself, not its result.", step=step
        )
    device = find(target)
    installed(device)
    fun, platforms = step, as_platforms(device.platform)
    if isinstance(step, Accelerated):
        fun, platforms = step.__wrapped__, step.platforms
    progress("tracing")
    closed, times = program.tagged(fun, args, kwargs, device.platform)
    found = program.sources(closed, times)
    names = ["as it is"]
    programs = [program.lowered(closed, device.platform)]
    changed = rewrite(closed, Platforms(platforms))
    if changed is not closed:
        names.append("accelerated")
        programs.append(program.lowered(changed, device.platform))
    progress(f"compiling {len(programs)} programs for {device.name}")
    compiled = optimized(programs, device, lambda i: progress(f"compiled: {names[i]}"))
    if all(one.error for one in compiled):
        raise refused(compiled[0].error, device)
    return Explanation(
        device,
        jax.__version__,
        tuple(found),
        tuple(_read(name, one, found, device) for name, one in zip(names, compiled, strict=True)),
    )


def _read(name: str, one: Optimized, found: list[Source], target: Target) -> Compiled:
    every: list[Kernel] = []
    if not one.error:
        every = kernels(hlo.parse(one.hlo), target.multiplies_dilation_zeros)
    tags = {source.tag for source in found}

    def tally(belongs: Callable[[int | None], bool]) -> Tally:
        return Tally.of(every, target, belongs)

    return Compiled(
        name,
        tuple(tally(functools.partial(operator.eq, source.tag)) for source in found),
        tally(lambda tag: tag in tags),
        tally(lambda tag: tag not in tags),
        tally(lambda _: True),
        one.temporary_bytes,
        one.hlo,
        one.error,
    )
