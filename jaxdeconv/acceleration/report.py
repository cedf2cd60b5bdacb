"""What `accelerate` finds in a function, what becomes of it, and the predicted gain."""

import dataclasses
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
from jax.extend.core import JaxprEqn

from jaxdeconv.acceleration import nnx_modules
from jaxdeconv.acceleration.accelerate import Accelerated
from jaxdeconv.acceleration.accelerated import before, choose, is_timed
from jaxdeconv.acceleration.leg_match import EmptySum, NoMatch
from jaxdeconv.acceleration.match import leg_seconds
from jaxdeconv.acceleration.platforms import DEFAULT, Platforms, default_platform
from jaxdeconv.acceleration.rewrite import Found, convolutions
from jaxdeconv.acceleration.staging import stage
from jaxdeconv.errors import ArgumentTypeError, reporting
from jaxdeconv.planning import planner

__all__ = ["Inspection", "Replacement", "inspect"]


@dataclasses.dataclass(frozen=True)
class Replacement:
    """One convolution and what becomes of it.

    Attributes:
        where: file and line of the code that calls it; '' if unknown.
        inside: primitives around it, e.g. ('jit', 'scan').
        what: shapes and parameters, in words.
        leg: 'conv', 'conv_transpose' or 'kernel_gradient'; 'zero' if every sum is empty; '' if it
            is left as it is.
        algorithm: how the leg is computed.
        left: why it is left as it is; '' if it is replaced.
        before: seconds of XLA's own convolution, predicted or measured; nan if neither.
        after: seconds of the leg, likewise.
        accelerated: whether it has been replaced already in the function that was passed.
        measured: whether both times were measured on this machine, not predicted.
    """

    where: str
    inside: tuple[str, ...]
    what: str
    leg: str = ""
    algorithm: str = ""
    left: str = ""
    before: float = math.nan
    after: float = math.nan
    accelerated: bool = False
    measured: bool = False

    @property
    def gain(self) -> float:
        """Seconds before over those after."""
        return self.before / self.after


@dataclasses.dataclass(frozen=True)
class Inspection:
    """All convolutions of a function; print it.

    Attributes:
        platform: for which the legs are planned.
        replacements: in program order; each convolution inside a loop appears once.
    """

    platform: str
    replacements: tuple[Replacement, ...]

    @property
    def replaced(self) -> tuple[Replacement, ...]:
        """The convolutions that are replaced."""
        return tuple(one for one in self.replacements if not one.left)

    @property
    def left(self) -> tuple[Replacement, ...]:
        """The convolutions that stay as they are."""
        return tuple(one for one in self.replacements if one.left)

    @property
    def gain(self) -> float:
        """Predicted gain of the convolutions together; nan without any prediction."""
        known = [one for one in self.replacements if not math.isnan(one.gain)]
        after = sum(one.after for one in known)
        return sum(one.before for one in known) / after if after else math.nan

    def __str__(self) -> str:
        total = len(self.replacements)
        lines = [f"{total} convolutions on {self.platform}: {len(self.replaced)} replaced"]
        if not math.isnan(self.gain):
            known_by = "measured" if all(one.measured for one in self.replaced) else "predicted"
            lines[0] += f", together {self.gain:.1f} times as fast ({known_by})"
        done = sum(one.accelerated for one in self.replacements)
        if done:
            lines[0] += f"; {'all' if done == total else done} already accelerated"
        for one in self.replacements:
            lines.append(f"{one.where or 'unknown line'}  {' > '.join(one.inside)}".rstrip())
            lines.append(f"    {one.what}")
            lines.append(f"    {_outcome(one)}")
        return "\n".join(lines)

    __repr__ = __str__  # what a notebook shows


@reporting
def inspect(fun: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Inspection:
    """What `accelerate(fun)` would do on these arguments. Traces `fun`; computes nothing.

    Args:
        fun: what to accelerate, or what has been accelerated already, compiled or not.
        args: its arguments; arrays may be given as `jax.ShapeDtypeStruct`.
        kwargs: its keyword arguments, likewise.

    Returns:
        Every convolution with its source line, the leg and algorithm that replace it (or the
        reason why it stays), and the predicted times.

    Raises:
        TypeError: `fun` is not callable.

    Example:
        >>> import jax.numpy as jnp
        >>> def loss(kernel, x):
        ...     return jax.lax.conv_transpose(x, kernel, (2,), "SAME").sum()
        >>> x, kernel = jnp.ones((1, 50, 4)), jnp.ones((4, 4, 4))
        >>> found = inspect(jax.grad(loss), kernel, x)
        >>> [one.leg for one in found.replacements], found.left
        (['conv_transpose', 'kernel_gradient'], ())
    """
    if not callable(fun):
        raise ArgumentTypeError(
            "fun must be callable", "Pass the function itself, not its result.", fun=fun
        )
    platform, names, done = default_platform(), DEFAULT, False
    if isinstance(fun, Accelerated):
        names, done = fun.platforms, True
        fun = fun.__wrapped__
    fun, given, named = nnx_modules.unbound(fun, args, kwargs)
    with nnx_modules.explained(fun), nnx_modules.functionalised(fun, given, named) as call:
        program = stage(call.fun, call.args, call.kwargs).jaxpr
    platforms = Platforms(names)
    described = [_describe(one, platform, platforms) for one in convolutions(program.jaxpr)]
    if done:
        described = [dataclasses.replace(one, accelerated=True) for one in described]
    return Inspection(platform, tuple(described))


def _describe(found: Found, platform: str, platforms: Platforms) -> Replacement:
    """One convolution; `platforms` are those that `accelerate` would be given."""
    seen = Replacement(source_line(found.equation), found.inside, str(found.convolution))
    if found.excerpt is None:
        return dataclasses.replace(seen, left=found.left)
    platforms = found.platforms or platforms
    seen = dataclasses.replace(seen, accelerated=bool(found.platforms))
    if platform not in platforms:
        return dataclasses.replace(seen, left=_elsewhere(platform, platforms))
    match = choose(found.excerpt, platform)
    if isinstance(match, NoMatch):
        return dataclasses.replace(seen, left=match.reason)
    if isinstance(match, EmptySum):
        return dataclasses.replace(seen, leg="zero", algorithm="zeros")
    plan = planner.choose(match.leg_problem, platform)
    return dataclasses.replace(
        seen,
        leg=match.leg,
        algorithm=plan.algorithm,
        measured=is_timed(found.excerpt, match, platform),
        before=before(found.excerpt, match, platform),
        after=leg_seconds(match, platform),
    )


def _elsewhere(platform: str, platforms: Platforms) -> str:
    return (
        f"convolutions are replaced only on {', '.join(platforms.names) or 'no platform'}: no gain "
        f"is known on {platform}; choose others by accelerate(fun, platforms=...)"
    )


def _outcome(one: Replacement) -> str:
    if one.left:
        return f"left as it is: {one.left}"
    text = f"{one.leg} by {one.algorithm}"
    if math.isnan(one.gain):
        return text
    known_by = "measured" if one.measured else "predicted"
    return f"{text}: {1e3 * one.before:.3g} ms -> {1e3 * one.after:.3g} ms ({known_by})"


_NOT_THEIRS = tuple(
    f"{folder}{os.sep}"
    for folder in (
        Path(jax.__path__[0]).parent,
        Path(os.__file__).parent,
        Path(__file__).parents[1],
    )
)
"""Folders of installed packages, of Python's library and of this package."""


def source_line(equation: JaxprEqn) -> str:
    """The innermost line of the user's own code, as 'file:line'; '' if there is none."""
    traceback: Any = equation.source_info.traceback
    for frame in traceback.frames if traceback else ():
        if not frame.file_name.startswith(_NOT_THEIRS):
            return f"{frame.file_name}:{frame.line_num}"
    return ""
