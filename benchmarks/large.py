"""Results of 0.2 to 0.5 GiB: time and peak memory, ours and torch's; and the time per cell.

`python -m benchmarks.large`: transposed convolutions to volumes of 96^3 and 80^3 cells and to an
image of 1024^2, stride 2. Times alternate in one process; the peak of resident memory, inputs
included, is that of the third call in a process for each pass. `--cells FILE.png`: a layer whose
result grows from 10^5 to 10^9 cells, in nanoseconds per cell.
"""

import argparse
import dataclasses
import math
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from benchmarks import machine
from benchmarks.cases import BenchCase, transposed
from benchmarks.contestants import CONTESTANTS, OURS, RIVALS
from benchmarks.legs import leg_calls
from benchmarks.measure import BESIDE_TORCH
from benchmarks.programs import PASSES, Answers
from benchmarks.run import prepare_process
from benchmarks.timing import alternate, geometric_mean, median_ratio

__all__ = ["CASES", "main"]

CASES = (
    transposed("96^3 k2", "V-Net", (128, 64), (48, 48, 48), 2, 2),
    transposed("96^3 k3", "3-D U-Net", (64, 64), (48, 48, 48), 3, 2, 1, extra=1),
    transposed("80^3 k4", "volumes", (64, 128), (40, 40, 40), 4, 2, 1),
    transposed("1024^2 k2", "U-Net", (128, 64), (512, 512), 2, 2),
    transposed("1024^2 k3", "CycleGAN", (64, 64), (512, 512), 3, 2, 1, extra=1),
    transposed("1024^2 k4", "DCGAN", (128, 64), (512, 512), 4, 2, 1),
)


def grown() -> Iterator[BenchCase]:
    """A layer, k4 s2 from 32 to 16 channels, whose result has 10^5 to 10^9 cells."""
    for exponent in np.arange(5, 9.25, 0.5):
        side = round((10**exponent / 16) ** 0.5 / 2)
        yield transposed(f"10^{exponent:g}", "sweep", (32, 16), (side, side), 4, 2, 1)


def main(argv: Sequence[str] | None = None) -> int:
    """Print a line each."""
    parser = argparse.ArgumentParser("python -m benchmarks.large", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cells", type=Path, metavar="FILE", help="the time per cell, as a plot")
    parser.add_argument("--peak", nargs=3, metavar=("WHO", "CASE", "PASS"), help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    prepare_process()
    if options.peak:
        sys.stdout.write(f"{_peak(*options.peak)}\n")
        return 0
    print(machine.one_line(machine.describe()))
    if options.cells:
        _plot(options.cells, options.rounds)
        return 0
    return _compare(options.rounds)


def _compare(rounds: int) -> int:
    """The table; 1 if an answer was wrong."""
    names = (OURS, *RIVALS["torch"])
    worst: dict[str, list[float]] = {}
    for case in CASES:
        data = case.data()
        programs = {name: CONTESTANTS[name](case, data) for name in names}
        if not _agree([program.answers() for program in programs.values()]):
            print(f"{case.name}: WRONG, not timed")
            return 1
        for which in PASSES:
            calls = [getattr(program, which) for program in programs.values()]
            ours, *theirs = alternate(calls, rounds, BESIDE_TORCH)
            ratio = min(median_ratio(ours, one) for one in theirs)
            peaks = {name: _peak_of(name, case, which) for name in names}
            least = min(peaks[name] for name in RIVALS["torch"])
            worst.setdefault(f"{which}: torch / ours", []).append(ratio)
            worst.setdefault(f"{which}: peak memory ours / torch", []).append(peaks[OURS] / least)
            print(
                f"{case.name} {which}: {1e3 * statistics.median(ours):.0f} ms, torch / ours "
                f"{ratio:.2f}; peak {peaks[OURS] / 2**20:.0f} MiB, ours / torch "
                f"{peaks[OURS] / least:.2f}",
                flush=True,
            )
        print(f"    {', '.join(call.plan().algorithm for call in leg_calls(case))}", flush=True)
    for name, ratios in worst.items():
        print(f"{name}: {geometric_mean(ratios):.2f}, {min(ratios):.2f} to {max(ratios):.2f}")
    return 0


def _agree(answers: Sequence[Answers]) -> bool:
    """Whether all have the same numbers, to the rounding of long sums."""
    first, *others = map(dataclasses.astuple, answers)
    return all(
        np.abs(one - other).max() <= 1e-4 * np.abs(one).max()
        for answer in others
        for one, other in zip(first, answer, strict=True)
    )


def _peak_of(who: str, case: BenchCase, which: str) -> int:
    """Bytes, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.large", "--peak", who, case.name, which]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def _peak(who: str, name: str, which: str) -> int:
    """Bytes of the inputs, and what resident memory grows beyond them while a pass runs."""
    case = next(case for case in CASES if case.name == name)
    shapes = [case.x_shape, case.w_shape, *([case.y_shape] if which == "step" else [])]
    run = getattr(CONTESTANTS[who](case, case.data()), which)
    run()  # compiles, which takes memory of its own
    run()
    before = _resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak starts anew
    run()
    return 4 * sum(map(math.prod, shapes)) + _resident("VmHWM") - before


def _resident(which: str) -> int:
    """Bytes: VmRSS now, VmHWM at most."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith(which))
    return 1024 * int(line.split()[1])


def _plot(path: Path, rounds: int) -> None:
    """Nanoseconds per cell of the result."""
    names = (OURS, *RIVALS["torch"])
    times: dict[str, list[float]] = {name: [] for name in names}
    cells = []
    for case in grown():
        data = case.data()
        programs = [CONTESTANTS[name](case, data).forward for name in names]
        cells.append(int(np.prod(case.y_shape)))
        for name, samples in zip(names, alternate(programs, rounds, BESIDE_TORCH), strict=True):
            times[name].append(1e9 * float(np.median(samples)) / cells[-1])
        row = ", ".join(f"{name} {times[name][-1]:.3g}" for name in names)
        print(f"{cells[-1]:.2g} cells: {row} ns per cell", flush=True)
    figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
    for name in names:
        axes.loglog(cells, times[name], marker="o", label=name)
    axes.set(xlabel="cells of the result", ylabel="ns per cell")
    axes.set_title("Transposed convolution, k4 s2, 32 to 16 channels, one image", fontsize=10)
    axes.set_ylim(min(map(min, times.values())) / 2, max(map(max, times.values())) * 2)
    axes.legend()
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    sys.exit(main())
