"""The outcome of the main job, for people (a table) and for programs (JSON)."""

import json
import math
from collections.abc import Iterator
from typing import Any

import jax
from rich import box
from rich.console import Console
from rich.table import Table

from jaxdeconv.cli import dtypes
from jaxdeconv.cli.agreement import Outcome
from jaxdeconv.cli.job import Job

_LEAST_WIDTH = 80  # a narrower terminal breaks the lines itself; columns are never squeezed

_STATUS = {"exact": "exact", "rounding": "rounded", "every entry": "equal"}
"""What the table says of evidence that passes, by its name in a `verify.Report`."""


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
            console.print(line, style="dim", markup=False)
        console.print()
        wrong = [outcome for outcome in outcomes if not outcome.ok]
        for outcome in wrong:
            for line in faults(outcome):
                console.print(f"{outcome.name}: {line}", style="red", markup=False)
        console.print(_verdict(outcomes), style="bold red" if wrong else "green", markup=False)
    return captured.get()


def as_json(job: Job, outcomes: list[Outcome], kernel: str, image: str | None, picture: str) -> str:
    """One JSON object; infinite or nan is null."""
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
        "implementations": [_record(outcome) for outcome in outcomes],
    }
    return json.dumps(record, indent=2, allow_nan=False)


def faults(outcome: Outcome) -> Iterator[str]:
    """What is wrong with an implementation, a line each."""
    if not outcome.close:
        yield f"differs from the definition by {outcome.deviation:.2g} on the photograph"
    if outcome.refusal:
        yield outcome.refusal
    report = outcome.report
    if report is not None and not report.ok:
        first = next(line for line in report.evidence if line.status != "pass")
        found = report.place if first.about == "structure" and report.place else first.text
        yield f"{found}; {report.explanation.partition(chr(10))[0]}" if report.cause else found


def _introduction(job: Job, kernel: str) -> list[str]:
    geometry = job.geometry
    sums = "" if job.accumulator == job.dtype else f" with sums in {job.accumulator}"
    return [
        f"v    {_by(job.v.shape[1:])}, {job.dtype}{sums}, on {_device()}",
        f"K v  {_by(job.u.shape[1:])}",
        f"K    {kernel} {_by(job.w.shape)}, groups {geometry.groups}, "
        f"stride {_by(geometry.stride)}, dilation {_by(geometry.dilation)},",
        f"     padding {_sides(*geometry.padding)}, {job.padding_mode}",
    ]


def _sides(rows: tuple[int, int], columns: tuple[int, int]) -> str:
    if len({*rows, *columns}) == 1:
        return f"{rows[0]} on every side"
    return f"top {rows[0]}, bottom {rows[1]}, left {columns[0]}, right {columns[1]}"


def _by(sizes: tuple[int, ...]) -> str:
    return "x".join(map(str, sizes))


def _table(outcomes: list[Outcome], with_bounds: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    table.add_column("implementation", no_wrap=True)
    for name in ("deviation", "of bound") if with_bounds else ("deviation",):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("identity", "entries"):
        table.add_column(name, no_wrap=True)
    table.add_column("time", justify="right", no_wrap=True)
    for outcome in outcomes:
        table.add_row(*_row(outcome, with_bounds), style="" if outcome.ok else "bold red")
    return table


def _row(outcome: Outcome, with_bounds: bool) -> list[str]:
    if outcome.skipped:
        return [f"{outcome.name}: {outcome.skipped}"]
    cells = [outcome.name, f"{outcome.deviation:.2g}"]
    cells += [_percent(outcome.share)] if with_bounds else []
    identity, entries = _found(outcome, "exact", "rounding"), _found(outcome, "every entry")
    return [*cells, identity, entries, _duration(outcome.seconds)]


def _found(outcome: Outcome, *names: str) -> str:
    """What the verification found, by the evidence of one of these names."""
    evidence = outcome.report.evidence if outcome.report else ()
    for line in evidence:
        if line.name in names and line.status != "inconclusive":
            return _STATUS[line.name] if line.status == "pass" else "NO"
    return "-"


def _legend(job: Job, seconds: float) -> list[str]:
    deviation = "deviation: largest difference from the definition (first row), for u = K v"
    if dtypes.is_integer(job.dtype):
        bits = 8 * job.dtype.itemsize
        judged = f"           must be 0: arithmetic is modulo 2^{bits} and never rounded"
    else:
        judged = "of bound:  the deviation as a share of what rounding allows; at most 100%"
    return [
        deviation,
        judged,
        "identity:  <u, K v> = <K^T u, v> for random integers u and v, compared exactly",
        "entries:   all entries of the matrix of K^T, compared with those of K",
        "           (both by jaxdeconv.verify.adjoint, on a small image, w of integers)",
        "time:      second call; or the first, compilation included, if it took over 2 s",
        f"Total time: {seconds:.0f} s",
    ]


def _verdict(outcomes: list[Outcome]) -> str:
    wrong = [outcome.name for outcome in outcomes if not outcome.ok]
    if wrong:
        return f"NOT the transpose of K: {', '.join(wrong)}"
    asked = sum(not outcome.skipped for outcome in outcomes)
    return f"All {asked} implementations agree with the definition and satisfy the identity."


def _record(outcome: Outcome) -> dict[str, Any]:
    record: dict[str, Any] = {"implementation": outcome.name, "ok": outcome.ok}
    if outcome.skipped:
        return {**record, "skipped": outcome.skipped}
    return {
        **record,
        "deviation": _finite(outcome.deviation),
        "share_of_bound": _finite(outcome.share),
        "first_seconds": outcome.first_seconds,
        "seconds": outcome.seconds,
        "faults": [*faults(outcome)],
        "verification": _verification(outcome),
    }


def _verification(outcome: Outcome) -> dict[str, Any] | None:
    if outcome.report is None:
        return None
    return json.loads(outcome.report.to_json(), parse_constant=lambda _: None)


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
