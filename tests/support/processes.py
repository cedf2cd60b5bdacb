"""Run programs in a separate process with any number of CPU devices."""

import os
import subprocess
import sys


def printed_on(devices: int, program: str) -> str:
    """What a program prints with this many CPU devices; warnings are errors."""
    flags = f"--xla_force_host_platform_device_count={devices}"
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env=os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout
