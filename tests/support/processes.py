"""Run programs in a separate process with any number of CPU devices."""

import os
import subprocess
import sys
from pathlib import Path

CACHED = "from tests.support import compilation_cache\ncompilation_cache.enable()\n"
READ_TOO_EARLY = "ignore:Error reading persistent compilation cache entry"  # as in pyproject.toml


def printed_on(devices: int, program: str, **environment: str) -> str:
    """What a program prints with this many CPU devices; warnings are errors."""
    flags = f"--xla_force_host_platform_device_count={devices}"
    result = subprocess.run(
        [sys.executable, "-W", "error", "-W", READ_TOO_EARLY, "-c", CACHED + program],
        env=os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"} | environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout
