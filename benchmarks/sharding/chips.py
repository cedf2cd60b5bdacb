"""One training step, compiled for many chips that are not here.

`python -m benchmarks.sharding.chips TARGET CHIPS STEP WHO MODE BLOCK` does it in this process, of
which `compiled` is the parent: the compilers of devices that are not here are on the path of a
child alone, and a step that XLA's partitioner divides has to be lowered where it is compiled.
"""

import dataclasses
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.experimental import topologies
from jax.sharding import AxisType, Mesh

from benchmarks.machine import today
from benchmarks.sharding.steps import MESHES, STEPS
from jaxdeconv.compilers.compiling import environment
from jaxdeconv.compilers.installing import installed
from jaxdeconv.compilers.targets import find
from jaxdeconv.sharding.collectives import collectives

__all__ = ["MODES", "TARGETS", "Compiled", "compiled"]

TARGETS = ("cpu", "h100", "v5e")

MODES = {"auto": AxisType.Auto, "explicit": AxisType.Explicit}

_TOPOLOGIES = {
    "h100": {8: "1x1x8", 32: "1x4x8", 256: "1x32x8"},  # slices, hosts, GPUs of a host
    "v5e": {8: "v5e:2x4", 32: "v5e:4x8", 256: "v5e:16x16"},
}


@dataclasses.dataclass(frozen=True)
class Compiled:
    """What a step exchanges.

    Attributes:
        target: of `TARGETS`; 'cpu' has virtual devices.
        chips: of `MESHES`.
        step: of `STEPS`.
        who: 'ours' or 'stock'.
        mode: of `MODES`.
        block: size of a chip's part of the volume in every dimension.
        collectives: of one device: by XLA's name, how many and how many bytes.
        temporary_bytes: memory of one device, beside arguments and results.
        seconds: to trace and compile it.
        error: why it does not compile; ''.
        jax: the version.
        date: of the compilation.
    """

    target: str
    chips: int
    step: str
    who: str
    mode: str
    block: int
    collectives: dict[str, tuple[int, int]]
    temporary_bytes: int
    seconds: float
    error: str
    jax: str
    date: str

    @property
    def key(self) -> tuple[Any, ...]:
        """What is compiled."""
        return self.target, self.step, self.block, self.who, self.mode, self.chips

    def bytes(self, *kinds: str) -> int:
        """Of collectives of some kinds."""
        return sum(self.collectives.get(kind, (0, 0))[1] for kind in kinds)


def compiled(target: str, chips: int, step: str, who: str, mode: str, block: int) -> Compiled:
    """Compile a step in a child process; the arguments are the attributes of `Compiled`.

    Raises:
        ValueError: the compiler is not installed.
        RuntimeError: the process ended.
    """
    command = [sys.executable, "-m", __spec__.name, target, str(chips), step, who, mode, str(block)]
    if target == "cpu":
        flags = f"--xla_force_host_platform_device_count={chips}"
        variables = os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    else:
        device = find(target)
        variables = environment(installed(device), device)
    done = subprocess.run(
        command,
        env=variables | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise RuntimeError(f"{' '.join(command[2:])}: {lines[-1] if lines else done.returncode}")
    return Compiled(**json.loads(done.stdout.splitlines()[-1]))


def _devices(target: str, chips: int) -> Sequence[Any]:
    if target == "cpu":
        return jax.devices()
    device, topology = find(target), _TOPOLOGIES[target][chips]
    if device.platform == "tpu":
        return topologies.get_topology_desc(topology, "tpu").devices
    options = {"topology": topology, "target_config": device.target_config}
    return topologies.get_topology_desc(platform=device.platform, **options).devices


def here(target: str, chips: int, step: str, who: str, mode: str, block: int) -> Compiled:
    """Compile a step in this process."""
    kinds: dict[str, tuple[int, int]] = {}
    mesh = Mesh(
        np.array(_devices(target, chips)).reshape(MESHES[chips]),
        ("x", "y", "z"),
        axis_types=(MODES[mode],) * 3,
    )
    start, error, memory = time.perf_counter(), "", 0
    try:
        fun, arguments = STEPS[step](mesh, who, block)
        program = jax.jit(fun).lower(*arguments).compile()
    except Exception as failed:
        error = f"{type(failed).__name__}: {' '.join(str(failed).split())[:300]}"
    else:
        memory = program.memory_analysis().temp_size_in_bytes
        for one in collectives(program.as_text()):
            count, size = kinds.get(one.kind, (0, 0))
            kinds[one.kind] = count + 1, size + one.bytes
    seconds = time.perf_counter() - start
    what = (target, chips, step, who, mode, block)
    return Compiled(*what, kinds, memory, seconds, error, jax.__version__, today())


if __name__ == "__main__":
    target, chips, step, who, mode, block = sys.argv[1:]
    print(json.dumps(dataclasses.asdict(here(target, int(chips), step, who, mode, int(block)))))
