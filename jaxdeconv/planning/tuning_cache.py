"""What `autotune` measured, kept from one process to the next.

One small JSON file per problem, named by a hash of all that the answer depends on: the problem, the
platform, the kind of device, and the version of jax. A file appears whole or not at all (written
beside its place, then renamed), so that processes can write at the same time: different problems
do not meet, and of two answers to the same problem either is right. A file that cannot be read is
ignored with a warning. The directory is `$JAXDECONV_CACHE`, or `~/.cache/jaxdeconv`.

Plans are kept in memory, and so are the programs that were compiled by them. Such a cache says so
by `follows`, and is emptied where something new is remembered.
"""

import dataclasses
import hashlib
import json
import os
import tempfile
import warnings
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import TypeVar

import jax

Cached = TypeVar("Cached", bound=Callable)

_CLEAR: list[Callable[[], None]] = []

_UNWRITTEN: dict[Path, "Measured"] = {}
"""What this process measured and could not write."""


def follows(function: Cached) -> Cached:
    """Decorator of a function with a cache whose entries depend on what is remembered here.

    Args:
        function: made by `functools.lru_cache` or `jax.jit`.
    """
    clear = "cache_clear" if hasattr(function, "cache_clear") else "clear_cache"
    _CLEAR.append(getattr(function, clear))
    return function


def forget() -> None:
    """Empty every cache that follows: plans are made again, and calls compiled again."""
    for clear in _CLEAR:
        clear()


@dataclasses.dataclass(frozen=True)
class Measured:
    """Measured seconds by algorithm, for one problem on one kind of device."""

    seconds: dict[str, float]

    @property
    def algorithm(self) -> str:
        """The fastest."""
        return min(self.seconds, key=self.seconds.__getitem__)


def directory() -> Path:
    """Where the files are."""
    return Path(os.environ.get("JAXDECONV_CACHE", "~/.cache/jaxdeconv")).expanduser()


def recall(problem: Hashable, platform: str) -> Measured | None:
    """What was measured for this problem on this machine's kind of device, if anything."""
    path = _path(problem, platform)
    if path in _UNWRITTEN:
        return _UNWRITTEN[path]
    try:
        seconds = json.loads(path.read_text())["seconds"]
        return Measured({str(name): float(time) for name, time in seconds.items()})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        warnings.warn(f"jaxdeconv: ignored {path}, which cannot be read: {error}", stacklevel=2)
        return None


def remember(problem: Hashable, platform: str, measured: Measured) -> None:
    """Write the answer down, for plans from now on to follow.

    Where the directory cannot be written to, there is a warning, and this process alone follows.

    Args:
        problem: a `Problem`; or anything else whose `repr` says all of what was measured.
        platform: 'cpu', 'gpu' or 'tpu'.
        measured: the answer.
    """
    path = _path(problem, platform)
    record = {"problem": _describe(problem, platform), "seconds": measured.seconds}
    try:
        write(path, json.dumps(record, indent=1))
    except OSError as error:
        _UNWRITTEN[path] = measured
        warnings.warn(f"jaxdeconv: {path} cannot be written: {error}", stacklevel=2)
    forget()


def write(path: Path, text: str) -> None:
    """Let a file hold a text: whole, or not at all.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(dir=path.parent)
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(beside, path)
    except BaseException:  # Ctrl-C, too
        Path(beside).unlink(missing_ok=True)
        raise


def _path(problem: Hashable, platform: str) -> Path:
    digest = hashlib.sha256(_describe(problem, platform).encode()).hexdigest()
    return directory() / f"{digest[:32]}.json"


def _describe(problem: Hashable, platform: str) -> str:
    return f"jax {jax.__version__}, {platform}, {jax.devices()[0].device_kind}, {problem!r}"
