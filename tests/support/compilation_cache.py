"""JAX's persistent compilation cache: programs compiled once for all workers and later runs.

`JAX_ENABLE_COMPILATION_CACHE=0` turns it off, as .ci/nightly does. An entry's key holds the whole
program, the compiler's version and flags and the features of the processor, so that a program is
found only where the compiler would give the same machine code; one that the compiler refuses has no
entry. Names of operations and source lines are not in the key: see the fixture `own_metadata`.
"""

import os
from pathlib import Path

import jax

CACHES = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
DIRECTORY = CACHES / "jaxdeconv-tests"
LARGEST = 2**29  # bytes


def enable(directory: Path = DIRECTORY) -> None:
    """In this process."""
    jax.config.update("jax_compilation_cache_dir", str(directory))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)


def prune(directory: Path = DIRECTORY, largest: int = LARGEST) -> None:
    """Removes what was not read for longest, until the rest is small enough."""
    entries = [(path, path.stat()) for path in directory.glob("*-cache")]
    size = sum(stat.st_size for _, stat in entries)
    for path, stat in sorted(entries, key=lambda entry: max(entry[1].st_atime, entry[1].st_mtime)):
        if size <= largest:
            break
        path.unlink(missing_ok=True)
        size -= stat.st_size
