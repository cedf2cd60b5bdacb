"""Programs in a process of their own, where XLA has as many devices as they ask for."""

import os
import subprocess
import sys


def printed_on(devices: int, program: str) -> str:
    """What a program prints on so many CPU devices, warnings being errors."""
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
