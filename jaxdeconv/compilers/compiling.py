"""Programs -> what the compiler for a device makes of them, in a subprocess."""

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from jaxdeconv.compilers import worker
from jaxdeconv.compilers.installing import installed
from jaxdeconv.compilers.targets import Target
from jaxdeconv.errors import ArgumentValueError

__all__ = ["Optimized", "environment", "optimized", "refused"]


@dataclasses.dataclass(frozen=True)
class Optimized:
    """A compiled program.

    Attributes:
        error: why the compiler refuses it; '' if it does not.
        hlo: the optimized HLO, as text.
        temporary_bytes: memory beside arguments and results; cuDNN's workspaces are not in it.
        argument_bytes: memory of the arguments.
        output_bytes: memory of the results.
    """

    error: str = ""
    hlo: str = ""
    temporary_bytes: int = 0
    argument_bytes: int = 0
    output_bytes: int = 0


def optimized(
    programs: Sequence[bytes], target: Target, progress: Callable[[int], None] = lambda _: None
) -> list[Optimized]:
    """Compile programs for a device, one after the other, in one process.

    Args:
        programs: from `program.lowered`, for the target's platform.
        target: the device.
        progress: called with the number of each program that is done.

    Raises:
        ValueError: the compiler is not installed, or does not work.

    Cost: 1 to 2 s for the process; on a GPU's compiler 0.1 to 1 s per program, on a TPU's some
        seconds, for large programs minutes.
    """
    path = installed(target)
    with tempfile.TemporaryDirectory(prefix="jaxdeconv-") as name:
        folder = Path(name)
        job = {"platform": target.platform, "topology": target.topology}
        job["target_config"] = target.target_config
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        for number, program in enumerate(programs):
            (folder / f"{number}.mlirbc").write_bytes(program)
        _run(folder, path, target, progress)
        results = [folder / f"{number}.json" for number in range(len(programs))]
        return [Optimized(**json.loads(one.read_text(encoding="utf-8"))) for one in results]


def _run(folder: Path, compiler: Path, target: Target, progress: Callable[[int], None]) -> None:
    """The worker, to its end; what it complains of goes to a file, in case that it fails."""
    command = [sys.executable, "-P", worker.__file__, str(folder)]
    errors = folder / "errors.txt"
    with (
        errors.open("w", encoding="utf-8") as stderr,
        subprocess.Popen(
            command,
            env=environment(compiler, target),
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as process,
    ):
        try:
            for line in process.stdout or ():
                progress(int(line))
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        lines = errors.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise refused(lines[-1] if lines else f"exit status {process.returncode}", target)


def refused(error: str, target: Target) -> ArgumentValueError:
    """The error for a program that the compiler does not take.

    Args:
        error: what it says.
        target: for which.
    """
    text = " ".join(error.split()).rstrip(".")
    return ArgumentValueError(
        f"step must compile for the target, whose compiler says: {text[:500]}",
        "Compile a part of step to find out which operation it is.",
        target=target.name,
    )


def environment(compiler: Path, target: Target) -> dict[str, str]:
    """In which jax finds the compiler, and looks for no device."""
    paths = [str(compiler), *(path for path in sys.path if path)]
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_gpu_autotune_level=0"  # would time kernels
    return os.environ | {
        "PYTHONPATH": os.pathsep.join(paths),
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": flags,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
        "JAX_SKIP_CUDA_CONSTRAINTS_CHECK": "1",
        "TPU_SKIP_MDS_QUERY": "1",
        "TPU_ACCELERATOR_TYPE": target.accelerator_type,
        "TPU_WORKER_HOSTNAMES": "localhost",
        "TPU_WORKER_ID": "0",
        "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
    }
