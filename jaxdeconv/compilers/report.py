"""What was found, as text and as JSON."""

import dataclasses
import json
import math
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from jaxdeconv.compilers.cost import seconds
from jaxdeconv.compilers.kernels import Kernel
from jaxdeconv.compilers.program import Source
from jaxdeconv.compilers.tally import Compiled, Tally
from jaxdeconv.compilers.targets import Target

__all__ = ["Explanation", "findings"]

_MUCH = 0.25  # padding alone wastes less, but in the smallest images
_MANY_LAUNCHES = 12
_NAME = 12  # columns of a program's name
_WIDTH = 64  # columns before the numbers


@dataclasses.dataclass(frozen=True)
class Explanation:
    """What a compiler makes of a function's convolutions; print it.

    Attributes:
        target: the device.
        jax: the version, to which the compiler belongs.
        sources: the convolutions that the function asks for.
        programs: the function as it is, and accelerated.
    """

    target: Target
    jax: str
    sources: tuple[Source, ...]
    programs: tuple[Compiled, ...]

    def wasted(self, compiled: Compiled, number: int) -> float:
        """The share of a convolution's operations that are of no use; nan where it has none.

        That is what multiplies a zero of dilation or padding, makes a result that the program
        throws away, or is done twice.

        Args:
            compiled: one of `programs`.
            number: which of `sources`.
        """
        flops = compiled.convolutions[number].flops
        return max(0.0, 1 - self.sources[number].flops / flops) if flops else math.nan

    @property
    def gain(self) -> float:
        """Predicted time as it is over that accelerated; nan where that is the same program."""
        first, last = self.programs[0], self.programs[-1]
        if first is last or first.error or last.error or not last.total.seconds:
            return math.nan
        return first.total.seconds / last.total.seconds

    def __str__(self) -> str:
        return "\n".join(_lines(self))

    __repr__ = __str__  # what a notebook shows

    def to_json(self) -> str:
        """All of it but the HLO, as JSON."""
        return json.dumps(_record(self), indent=1)


def _lines(explanation: Explanation) -> list[str]:
    """Per convolution, then in sum, then what to notice."""
    target = explanation.target
    lines = [
        f"{_number(len(explanation.sources))} for {target.name} ({target.kind}), jax "
        f"{explanation.jax}: predicted from compiled programs, not run",
        f"speeds: {target.basis}",
        "",
        f"{'':<{_WIDTH}} wasted    FLOP  useful      MiB launches  predicted",
    ]
    for number, source in enumerate(explanation.sources):
        lines.append(f"{_place(source)}  {source.leg}  {source.what}{_often(source)}")
        lines += _rows(explanation, number)
    lines += [*_totals(explanation), ""]
    for one in explanation.programs:
        if one.error:
            lines.append(
                f"{one.name}: the compiler refuses it: {' '.join(one.error.split())[:500]}"
            )
            continue
        lines.append(f"{one.name}: {one.temporary_bytes / 2**20:.1f} MiB of temporary memory")
        lines += [f"{one.name}: {found}" for found in findings(explanation, one)]
    return [*lines, _verdict(explanation)]


def _rows(explanation: Explanation, number: int) -> Iterator[str]:
    """What a convolution becomes in each program."""
    before = ""
    useful = explanation.sources[number].flops
    for compiled in explanation.programs:
        tally = compiled.convolutions[number]
        kinds = "refused" if compiled.error else _kinds(tally)
        row = _row(kinds, tally, useful, explanation.wasted(compiled, number))
        same = row == before
        yield f"    {compiled.name:<{_NAME}}{'the same' if same else row}"
        before = row


def _totals(explanation: Explanation) -> Iterator[str]:
    yield "together"
    for compiled in explanation.programs:
        both = zip(explanation.sources, compiled.convolutions, strict=True)
        useful = sum(source.flops for source, tally in both if tally.flops)
        parts = (
            ("convolutions", compiled.convolving, useful),
            ("other kernels", compiled.others, math.nan),
            ("all kernels", compiled.total, math.nan),
        )
        for name, tally, wanted in parts:
            yield f"    {compiled.name:<{_NAME}}{_row(name, tally, wanted, math.nan)}"


def _row(name: str, tally: Tally, useful: float, wasted: float) -> str:
    return (
        f"{name:<{_WIDTH - _NAME - 4}} {_percent(wasted):>6} {_amount(tally.flops):>7} "
        f"{_amount(useful):>7} {tally.bytes / 2**20:>8.1f} {tally.launches:>8} "
        f"{_micro(tally.seconds):>10}"
    )


def findings(explanation: Explanation, compiled: Compiled) -> list[str]:
    """What to notice in a program, a line each.

    Args:
        explanation: to which it belongs.
        compiled: the program.
    """
    both = list(zip(explanation.sources, compiled.convolutions, strict=True))
    stuffed = [pair for i, pair in enumerate(both) if explanation.wasted(compiled, i) > _MUCH]
    wider = [source for source, tally in both if _is_wider(source, tally)]
    many = [one for one, tally in both if tally.launches > _MANY_LAUNCHES * one.times]
    found = []
    if stuffed:
        wasted = sum(tally.flops - source.flops for source, tally in stuffed)
        share = f", {wasted / compiled.convolving.flops:.0%} of all their operations"
        at = [source for source, _ in stuffed]
        found.append(f"inserted zeros or unused results: {_places(at, both)}{share}")
    if wider:
        found.append(f"a wider dtype than the program's: {_places(wider, both)}")
    if many:
        found.append(f"more than {_MANY_LAUNCHES} launches: {_places(many, both)}")
    return found


def _verdict(explanation: Explanation) -> str:
    if len(explanation.programs) < 2:
        return "accelerate changes nothing: there is no convolution that it reads as a leg"
    gain = explanation.gain
    if math.isnan(gain):
        return "accelerate: no comparison"
    return f"accelerate(step): {gain:.2f} times as fast as step (predicted)"


def _is_wider(source: Source, tally: Tally) -> bool:
    widths = {"bf16": 2, "f16": 2, "f32": 4, "f64": 8}
    mine = widths.get(source.dtype, 8)
    return any(widths.get(one.dtype, 0) > mine for one in tally.kernels if one.flops)


# --- words and numbers


def _kinds(tally: Tally) -> str:
    """The kernels that multiply; + how many others there are."""
    if not tally.kernels:
        return "within another's kernel" if tally.flops else "none of its own"
    multiply = [one for one in tally.kernels if one.flops] or [
        one for one in tally.kernels if not one.moves
    ]
    counted: Counter[str] = Counter()
    for one in multiply:
        counted[f"{one.kind} {one.dtype}".strip()] += one.times
    words = [f"{count} x {kind}" if count > 1 else kind for kind, count in counted.items()]
    others = tally.launches - sum(one.times for one in multiply if not one.running)
    return ", ".join(words) + (f" + {others}" if others else "")


def _places(found: Sequence[Source], every: Sequence[Any]) -> str:
    places = ", ".join(dict.fromkeys(_place(one) for one in found))
    return f"{len(found)} of {_number(len(every))} ({places})"


def _number(count: int) -> str:
    return f"{count} convolution" if count == 1 else f"{count} convolutions"


def _place(source: Source) -> str:
    """The line, relative to the current directory where it is below."""
    if not source.where:
        return "unknown line"
    relative = os.path.relpath(source.where)
    return source.where if relative.startswith("..") else relative


def _often(source: Source) -> str:
    return f", {source.times} times" if source.times > 1 else ""


def _percent(share: float) -> str:
    return "" if math.isnan(share) else f"{share:.0%}"


def _amount(value: float) -> str:
    """Three digits and a prefix: 2.15G."""
    if not value >= 1:
        return "" if math.isnan(value) else "0"
    power = min(4, int(math.log10(value) // 3))
    scaled = value / 1000**power
    return f"{scaled:.{max(0, 2 - int(math.log10(scaled)))}f}{' KMGT'[power]}"


def _micro(value: float) -> str:
    return f"{1e6 * value:.1f} us" if value < 1e-3 else f"{1e3 * value:.2f} ms"


# --- JSON


def _record(explanation: Explanation) -> dict[str, Any]:
    """Everything but the HLO; flops, bytes and seconds are of all times together."""
    target = explanation.target
    return {
        "target": target.name,
        "kind": target.kind,
        "jax": explanation.jax,
        "basis": target.basis,
        "gain": _finite(explanation.gain),
        "programs": [_program(explanation, one) for one in explanation.programs],
    }


def _program(explanation: Explanation, compiled: Compiled) -> dict[str, Any]:
    pairs = zip(explanation.sources, compiled.convolutions, strict=True)
    return {
        "name": compiled.name,
        "error": compiled.error,
        "findings": findings(explanation, compiled),
        "temporary_bytes": compiled.temporary_bytes,
        "total": _tally(compiled.total),
        "others": _tally(compiled.others),
        "convolutions": [
            {
                "where": source.where,
                "leg": source.leg,
                "what": source.what,
                "dtype": source.dtype,
                "times": source.times,
                "useful_flops": source.flops,
                "wasted": _finite(explanation.wasted(compiled, number)),
                **_tally(tally),
                "kernels": [_kernel(one, explanation) for one in tally.kernels],
            }
            for number, (source, tally) in enumerate(pairs)
        ],
    }


def _tally(tally: Tally) -> dict[str, Any]:
    names = ("launches", "flops", "bytes", "seconds")
    return {name: getattr(tally, name) for name in names}


def _kernel(kernel: Kernel, explanation: Explanation) -> dict[str, Any]:
    names = ("name", "kind", "dtype", "times", "flops", "bytes")
    found = {name: getattr(kernel, name) for name in names}
    return found | {"seconds": seconds(kernel, explanation.target.constants)}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
