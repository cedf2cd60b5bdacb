"""What was begun and what came of it, on disk: XLA may end the process, and another goes on.

A failed check inside XLA or cuDNN aborts, and after an illegal access a GPU is lost to its process.
The work is done in a child; where that ends by a signal, the next one takes the finished items from
the journal, notes the one that ended it, and goes on with those after it.
"""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["LOST", "DeviceLost", "Journal", "supervise"]

LOST = 75
"""The exit status of a child that can no longer use its GPU."""


class DeviceLost(Exception):
    """The GPU cannot be used by this process any more."""


class Journal:
    """Items by section and name. Each line of the file is written before anything else happens.

    Attributes:
        path: of the file; None: nothing is kept.
        started: wall-clock time of the first process.
        begun: the items, and what came of each: nothing, {"result": ...} or {"error": ...}.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.started = time.time()
        self.begun: dict[tuple[str, str], dict[str, Any]] = {}
        lines = path.read_text(encoding="utf-8").splitlines() if path and path.exists() else []
        for line in lines:
            entry = json.loads(line)
            if "started" in entry:
                self.started = entry["started"]
            else:
                self.begun[entry.pop("section"), entry.pop("item")] = entry
        if not lines:
            self._append({"started": self.started})

    def write(self, section: str, item: str, **outcome: Any) -> None:
        """An item is begun, or has come to something.

        Args:
            section: its section.
            item: its name.
            outcome: nothing, `result` (of types that JSON has), or `error`.
        """
        self._append({"section": section, "item": item, **outcome})

    def _append(self, entry: dict[str, Any]) -> None:
        if self.path:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")


def supervise(command: Sequence[str], journal: Path) -> int:
    """Run a command until it ends by itself; start it again where it was ended.

    Args:
        command: works on what is not in the journal yet.
        journal: its file.

    Returns:
        The exit status; that of the last run where one has begun nothing.
    """
    while True:
        size = journal.stat().st_size if journal.exists() else 0
        status = subprocess.run(command, check=False).returncode
        if status >= 0 and status != LOST:
            return status
        print(f"benchmarks.gpu: the process ended ({status}); another goes on", file=sys.stderr)
        if not journal.exists() or journal.stat().st_size == size:
            return 1
