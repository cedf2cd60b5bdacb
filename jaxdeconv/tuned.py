"""What `autotune` measured, kept from one process to the next.

One small JSON file per problem, named by a hash of all that the answer depends on: the problem, the
platform, the kind of device, and the version of jax. A file appears whole or not at all (written
beside its place, then renamed), so that processes can write at the same time: different problems
do not meet, and of two answers to the same problem either is right. A file that cannot be read is
ignored with a warning. The directory is `$JAXDECONV_CACHE`, or `~/.cache/jaxdeconv`.
"""

import dataclasses
import hashlib
import json
import os
import tempfile
import warnings
from pathlib import Path

import jax

from jaxdeconv.algorithms import Problem


@dataclasses.dataclass(frozen=True)
class Tuned:
    """Measured seconds by algorithm, for one problem on one kind of device."""

    seconds: dict[str, float]

    @property
    def algorithm(self) -> str:
        """The fastest."""
        return min(self.seconds, key=self.seconds.__getitem__)


def directory() -> Path:
    """Where the files are."""
    return Path(os.environ.get("JAXDECONV_CACHE", "~/.cache/jaxdeconv")).expanduser()


def recall(problem: Problem, platform: str) -> Tuned | None:
    """What was measured for this problem on this machine's kind of device, if anything."""
    path = _path(problem, platform)
    try:
        seconds = json.loads(path.read_text())["seconds"]
        return Tuned({str(name): float(time) for name, time in seconds.items()})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        warnings.warn(f"jaxdeconv: ignored {path}, which cannot be read: {error}", stacklevel=2)
        return None


def remember(problem: Problem, platform: str, tuned: Tuned) -> None:
    """Write the answer down; a directory that cannot be written to is a warning."""
    path = _path(problem, platform)
    record = {"problem": _describe(problem, platform), "seconds": tuned.seconds}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
            json.dump(record, file, indent=1)
        os.replace(file.name, path)
    except OSError as error:
        warnings.warn(f"jaxdeconv: {path} cannot be written: {error}", stacklevel=2)


def _path(problem: Problem, platform: str) -> Path:
    digest = hashlib.sha256(_describe(problem, platform).encode()).hexdigest()
    return directory() / f"{digest[:32]}.json"


def _describe(problem: Problem, platform: str) -> str:
    return f"jax {jax.__version__}, {platform}, {jax.devices()[0].device_kind}, {problem}"
