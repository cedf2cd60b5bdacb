"""An explanation as text and as JSON."""

import json
import math
import os
from collections import Counter
from collections.abc import Iterator
from typing import Any

from jaxdeconv.compilers.cost import seconds
from jaxdeconv.compilers.explain import Compiled, Explanation, Work
from jaxdeconv.compilers.kernels import Kernel
from jaxdeconv.compilers.program import Source

__all__ = ["as_json", "findings", "text"]

_MANY_ZEROS = 0.25  # padding alone stays below, but of the smallest images
_MANY_LAUNCHES = 12
_WIDTH = 42  # of what a convolution becomes


def text(explanation: Explanation) -> str:
    """Per convolution, then in sum, then what to notice."""
    target = explanation.target
    lines = [
        f"{len(explanation.sources)} convolutions for {target.name} ({target.kind}), jax "
        f"{explanation.jax}: predicted from compiled programs, not run",
        f"speeds: {target.basis}",
        "",
    ]
    for number, source in enumerate(explanation.sources):
        lines.append(f"{_place(source)}  {source.leg}  {source.what}{_often(source)}")
        lines += _rows(explanation, number)
    lines += ["", *_totals(explanation), ""]
    for compiled in explanation.programs:
        lines += [f"{compiled.name}: {found}" for found in findings(explanation, compiled)]
    return "\n".join([*lines, _verdict(explanation)])


def _rows(explanation: Explanation, number: int) -> Iterator[str]:
    """What a convolution becomes in each program."""
    before = ""
    for compiled in explanation.programs:
        work = compiled.convolutions[number]
        row = (
            f"{_kinds(work):<{_WIDTH}} {_percent(explanation.zeros(compiled, number)):>5} zeros "
            f"{_amount(work.flops):>6} of {_amount(explanation.sources[number].flops)}FLOP "
            f"{_mebibytes(work.bytes):>7} MiB {work.launches:>3} launches {_micro(work.seconds):>7}"
        )
        yield f"    {compiled.name:<11} {'the same' if row == before else row}"
        before = row


def _totals(explanation: Explanation) -> Iterator[str]:
    useful = sum(source.flops for source in explanation.sources)
    yield (
        f"{'':<28} {'FLOP':>6} {'useful':>6} {'MiB':>7} {'launches':>8} {'temporary MiB':>13} "
        f"{'predicted':>9}"
    )
    for compiled in explanation.programs:
        flops = sum(work.flops for work in compiled.convolutions)
        rows = (
            ("convolutions", flops, _amount(useful), compiled.total.launches - compiled.others.launches),
            ("all kernels", compiled.total.flops, "", compiled.total.launches),
        )
        for name, executed, wanted, launches in rows:
            work = compiled.total
            other = compiled.others if name == "convolutions" else None
            moved = work.bytes - (other.bytes if other else 0.0)
            spent = work.seconds - (other.seconds if other else 0.0)
            temporary = "" if other else _mebibytes(compiled.temporary_bytes)
            yield (
                f"{f'{compiled.name}, {name}':<28} {_amount(executed):>6} {wanted:>6} "
                f"{_mebibytes(moved):>7} {launches:>8} {temporary:>13} {_micro(spent):>9}"
            )


def findings(explanation: Explanation, compiled: Compiled) -> list[str]:
    """What to notice in a program, a sentence each.

    Args:
        explanation: to which it belongs.
        compiled: the program.
    """
    numbered = list(enumerate(zip(explanation.sources, compiled.convolutions, strict=True)))
    stuffed = [
        (source, work)
        for number, (source, work) in numbered
        if explanation.zeros(compiled, number) > _MANY_ZEROS
    ]
    wider = [source for _, (source, work) in numbered if _is_wider(source, work)]
    scattered = [source for _, (source, work) in numbered if work.launches > _MANY_LAUNCHES * source.times]
    found = []
    if stuffed:
        total = sum(work.flops for work in compiled.convolutions)
        wasted = sum(work.flops - source.flops for source, work in stuffed)
        found.append(
            f"{len(stuffed)} of {len(numbered)} convolutions multiply zeros, {wasted / total:.0%} of "
            f"what the convolutions multiply: {_places([source for source, _ in stuffed])}"
        )
    if wider:
        found.append(
            f"{len(wider)} of {len(numbered)} convolutions multiply in a wider dtype than the "
            f"program's: {_places(wider)}"
        )
    if scattered:
        found.append(
            f"{len(scattered)} of {len(numbered)} convolutions take more than {_MANY_LAUNCHES} "
            f"launches: {_places(scattered)}"
        )
    return found


def _verdict(explanation: Explanation) -> str:
    platform = explanation.target.platform
    if len(explanation.programs) < 2:
        return "accelerate changes nothing: there is no convolution that it reads as a leg"
    gain = explanation.gain
    asked = f'accelerate(step, platforms="{platform}")' if explanation.unchanged else "accelerate(step)"
    line = f"{asked}: {gain:.2f} times as fast as step (predicted)"
    if explanation.unchanged:
        line += f"; accelerate(step) leaves {platform} as it is"
    return line


def _is_wider(source: Source, work: Work) -> bool:
    widths = {"bf16": 2, "f16": 2, "f32": 4, "f64": 8}
    mine = widths.get(source.dtype, 8)
    return any(widths.get(one.dtype, 0) > mine for one in work.kernels if one.flops)


# --- words and numbers


def _kinds(work: Work) -> str:
    """The kernels that multiply, then how many others there are."""
    if not work.kernels:
        return "within another's kernel" if work.flops else "none of its own"
    multiply = [one for one in work.kernels if one.flops] or [
        one for one in work.kernels if not one.moves
    ]
    counted: Counter[str] = Counter()
    for one in multiply:
        counted[f"{one.kind} {one.dtype}".strip()] += one.times
    words = [f"{count} x {kind}" if count > 1 else kind for kind, count in counted.items()]
    others = work.launches - sum(one.times for one in multiply if not one.running)
    words += [f"{others} that move data"] if others else []
    return ", ".join(words)


def _places(found: list[Source]) -> str:
    return ", ".join(dict.fromkeys(_place(one) for one in found))


def _place(source: Source) -> str:
    """The line, relative to the current directory where it is below."""
    if not source.where:
        return "unknown line"
    relative = os.path.relpath(source.where)
    return source.where if relative.startswith("..") else relative


def _often(source: Source) -> str:
    return f", {source.times} times" if source.times > 1 else ""


def _percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{share:.0%}"


def _amount(value: float) -> str:
    """Three digits and a prefix: 2.15G."""
    power = min(4, int(math.log10(value) // 3)) if value >= 1 else 0
    scaled = value / 1000**power
    return f"{scaled:.{max(0, 2 - int(math.log10(scaled)))}f}{' KMGT'[power]}" if value >= 1 else "0"


def _mebibytes(value: float) -> str:
    return f"{value / 2**20:.1f}"


def _micro(value: float) -> str:
    return f"{1e6 * value:.1f} us" if value < 1e-3 else f"{1e3 * value:.2f} ms"


# --- JSON


def as_json(explanation: Explanation) -> str:
    """Everything but the HLO; flops, bytes and seconds are of all times together."""
    target = explanation.target
    record = {
        "target": target.name,
        "kind": target.kind,
        "jax": explanation.jax,
        "basis": target.basis,
        "gain": _finite(explanation.gain),
        "programs": [_program(explanation, one) for one in explanation.programs],
    }
    return json.dumps(record, indent=1)


def _program(explanation: Explanation, compiled: Compiled) -> dict[str, Any]:
    pairs = zip(explanation.sources, compiled.convolutions, strict=True)
    return {
        "name": compiled.name,
        "findings": findings(explanation, compiled),
        "temporary_bytes": compiled.temporary_bytes,
        "total": _work(compiled.total),
        "others": _work(compiled.others),
        "convolutions": [
            {
                "where": source.where,
                "leg": source.leg,
                "what": source.what,
                "dtype": source.dtype,
                "times": source.times,
                "useful_flops": source.flops,
                "zeros": _finite(explanation.zeros(compiled, number)),
                **_work(work),
                "kernels": [_kernel(one, explanation) for one in work.kernels],
            }
            for number, (source, work) in enumerate(pairs)
        ],
    }


def _work(work: Work) -> dict[str, Any]:
    names = ("launches", "flops", "bytes", "seconds")
    return {name: getattr(work, name) for name in names}


def _kernel(kernel: Kernel, explanation: Explanation) -> dict[str, Any]:
    names = ("name", "kind", "dtype", "times", "flops", "bytes")
    found = {name: getattr(kernel, name) for name in names}
    return found | {"seconds": seconds(kernel, explanation.target.constants)}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
