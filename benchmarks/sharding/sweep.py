"""Many random layouts, in child processes of eight CPU devices: XLA may end its process.

`python -m benchmarks.sharding.sweep WHO sensible|any FIRST LAST` is such a child; it prints one
JSON object a case.
"""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.sharding.divided import Outcome, outcome

__all__ = ["swept"]

_AT_ONCE = 20
_SECONDS = 1200


def swept(who: str, sensible: bool, count: int) -> list[Outcome]:
    """The outcomes of the cases 0, 1, ... .

    A case that raises has an error; so has one that ends its process, or takes too long, after
    which another process goes on with the next case.

    Args:
        who: of `divided.WHO`.
        sensible: see `layouts.draw`.
        count: of cases.
    """
    found: list[Outcome] = []
    while len(found) < count:
        first, last = len(found), min(count, len(found) + _AT_ONCE)
        new, ended = _child(who, sensible, first, last)
        if len(new) < last - first:
            case = first + len(new)
            new.append(Outcome.failed(case, sensible, who, ended))
        found += new
    return found


def _child(who: str, sensible: bool, first: int, last: int) -> tuple[list[Outcome], str]:
    """What it finds, and how it ends."""
    kind = "sensible" if sensible else "any"
    command = [sys.executable, "-m", __spec__.name, who, kind, str(first), str(last)]
    flags = "--xla_force_host_platform_device_count=8"
    environment = os.environ | {
        "XLA_FLAGS": flags,
        "JAX_PLATFORMS": "cpu",
        "TF_CPP_MIN_LOG_LEVEL": "3",  # what XLA says of every gather
    }
    root = Path(__file__).parents[2]
    with tempfile.TemporaryFile("w+") as output:
        try:
            code = subprocess.run(
                command, env=environment, cwd=root, stdout=output, check=False, timeout=_SECONDS
            ).returncode
        except subprocess.TimeoutExpired:
            ended = f"more than {_SECONDS} s"
        else:
            ended = signal.strsignal(-code) if code < 0 else f"exit status {code}"
        output.seek(0)
        lines = [line for line in output if line.endswith("\n")]
    return [Outcome(**json.loads(line)) for line in lines], f"the process ended: {ended}"


def main(argv: Sequence[str]) -> None:
    """Be such a child."""
    who, kind, first, last = argv
    for case in range(int(first), int(last)):
        try:
            found = outcome(case, kind == "sensible", who)
        except Exception as error:
            text = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
            found = Outcome.failed(case, kind == "sensible", who, text)
        print(json.dumps(dataclasses.asdict(found)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
