"""The outcome of the main job, for people (a table) and for machines (JSON)."""

import json
import math
from typing import Any

import jax
from rich import box
from rich.console import Console
from rich.table import Table

from jaxdeconv.cli import dtypes
from jaxdeconv.cli.checks import Agreement, Outcome
from jaxdeconv.cli.job import Job
from jaxdeconv.cli.pairing import Number

_LEAST_WIDTH = 80  # a narrower terminal breaks the lines itself; columns are never squeezed


def table(job: Job, outcomes: list[Outcome], kernel: str, seconds: float) -> str:
    """The table, with what it needs to be read above and below, in colours if stdout has them."""
    console = Console(highlight=False, soft_wrap=True)
    console.width = max(console.width, _LEAST_WIDTH)
    with console.capture() as captured:  # rich itself would end the process where stdout is closed
        for line in _introduction(job, kernel):
            console.print(line, markup=False)
        console.print()
        rows = _table(outcomes, with_bounds=not dtypes.is_integer(job.dtype))
        console.print(rows, soft_wrap=False)
        console.print()
        for line in _legend(job, seconds):
            console.print(line, style="dim")
        console.print()
        console.print(_verdict(outcomes))
    return captured.get()


def as_json(job: Job, outcomes: list[Outcome], kernel: str, image: str | None, picture: str) -> str:
    """One JSON object; a complex number is the list of its two parts, infinite or nan is null."""
    geometry = job.geometry
    record = {
        "ok": all(outcome.ok for outcome in outcomes),
        "dtype": str(job.dtype),
        "accumulator": str(job.accumulator),
        "image": image or "grace_hopper.jpg",
        "kernel": kernel,
        "kernel_shape": job.w.shape,
        "geometry": {
            "input_size": geometry.input_size,
            "output_size": geometry.output_size,
            "kernel_size": geometry.kernel_size,
            "stride": geometry.stride,
            "padding": geometry.padding,
            "dilation": geometry.dilation,
            "groups": geometry.groups,
            "output_padding": geometry.output_padding,
            "padding_mode": job.padding_mode,
        },
        "seed": job.seed,
        "device": _device(),
        "jax": jax.__version__,
        "picture": picture,
        "ways": [_outcome_record(outcome) for outcome in outcomes],
    }
    return json.dumps(record, indent=2, allow_nan=False)


def _introduction(job: Job, kernel: str) -> list[str]:
    geometry = job.geometry
    sums = "" if job.accumulator == job.dtype else f" with sums in {job.accumulator}"
    pairs = ", ".join(f"({low}, {high})" for low, high in geometry.padding)
    return [
        f"v    {_by(job.v.shape[1:])}, {job.dtype}{sums}, on {_device()}",
        f"K v  {_by(job.output_shape[1:])}",
        f"K    {kernel} {_by(job.w.shape)}, groups {geometry.groups}, "
        f"stride {_by(geometry.stride)}, dilation {_by(geometry.dilation)},",
        f"     padding {pairs}, {job.padding_mode}",
    ]


def _by(sizes: tuple[int, ...]) -> str:
    return "x".join(map(str, sizes))


def _table(outcomes: list[Outcome], with_bounds: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    table.add_column("way to K^T", no_wrap=True)
    numbers = ["deviation", "of bound", "identity", "of bound"]
    for name in numbers if with_bounds else numbers[::2]:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("exact", no_wrap=True)
    table.add_column("time", justify="right", no_wrap=True)
    for outcome in outcomes:
        table.add_row(*_row(outcome, with_bounds), style="" if outcome.ok else "bold red")
    return table


def _row(outcome: Outcome, with_bounds: bool) -> list[str]:
    if outcome.skipped:
        return [f"{outcome.way}: {outcome.skipped}"]
    deviation, deviation_share, gap, gap_share = _worst(outcome.rounded)
    cells = [outcome.way, f"{deviation:.2g}"]
    cells += [_percent(deviation_share)] if with_bounds else []
    cells += [f"{gap:.2g}"]
    cells += [_percent(gap_share)] if with_bounds else []
    return [*cells, "yes" if outcome.exact else "NO", _duration(outcome.seconds)]


def _worst(agreements: list[Agreement]) -> tuple[float, float, float, float]:
    """The largest of each number, where not-a-number is the largest of all."""
    columns = zip(
        *((a.deviation, a.deviation_share, a.gap, a.gap_share) for a in agreements), strict=True
    )
    deviation, deviation_share, gap, gap_share = (
        max(column, key=lambda x: (x != x, x)) for column in columns
    )
    return deviation, deviation_share, gap, gap_share


def _legend(job: Job, seconds: float) -> list[str]:
    deviation = "deviation: largest from the specification (first row), over u = K v and u random"
    if dtypes.is_integer(job.dtype):
        bits = 8 * job.dtype.itemsize
        judged = [
            f"arithmetic is modulo 2^{bits} and never rounded, so everything must be 0",
            deviation,
            f"identity:  <u, K v> - <K^T u, v> modulo 2^{bits}",
            "exact:     both are 0 on small non-zero integers v, w and u too",
        ]
    else:
        judged = [
            deviation,
            "identity:  |<u, K v> - <K^T u, v>|, summed without rounding",
            "of bound:  the share of what rounding can explain; more than 100% is a fault",
            "exact:     both are 0 on small non-zero integers v, w and u: nothing is rounded",
        ]
    return [*judged, f"time:      second call; the first also compiles. All in {seconds:.0f} s"]


def _verdict(outcomes: list[Outcome]) -> str:
    wrong = [outcome.way for outcome in outcomes if not outcome.ok]
    if wrong:
        return f"[bold red]DISAGREE with the specification or the identity: {', '.join(wrong)}[/]"
    asked = sum(not outcome.skipped for outcome in outcomes)
    return f"[green]All {asked} ways agree with the specification and with the identity.[/]"


def _outcome_record(outcome: Outcome) -> dict[str, Any]:
    record: dict[str, Any] = {"way": outcome.way, "ok": outcome.ok}
    if outcome.skipped:
        return {**record, "skipped": outcome.skipped}
    return {
        **record,
        "exact": outcome.exact,
        "first_seconds": outcome.first_seconds,
        "seconds": outcome.seconds,
        "probes": {
            name: {
                "deviation": _finite(found.deviation),
                "deviation_share_of_bound": _finite(found.deviation_share),
                "u_Kv": _number(found.left),
                "KTu_v": _number(found.right),
                "gap": _finite(found.gap),
                "gap_share_of_bound": _finite(found.gap_share),
                "ok": found.ok,
            }
            for name, found in outcome.agreements.items()
        },
    }


def _number(value: Number | None) -> Any:
    if value is None:
        return None
    real, imag = (int(x) if x.denominator == 1 else float(x) for x in value)
    return [real, imag] if imag else real


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _percent(share: float) -> str:
    if 0 < share < 0.001:
        return "<0.1%"
    if share >= 10:
        return f"{share:.0e}x" if math.isfinite(share) else "inf"
    return f"{share:.1%}" if share < 10 else "nan"


def _duration(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.1f} ms"


def _device() -> str:
    device = jax.devices()[0]
    known = device.device_kind.lower() != device.platform
    return f"{device.platform} ({device.device_kind})" if known else device.platform
