"""Compiles programs for a device that is not here; runs as a script, in a process of its own.

    python -P worker.py FOLDER

FOLDER holds `job.json` ({"platform", "topology", "target_config"}) and programs `0.mlirbc`,
`1.mlirbc`, ... in MLIR's bytecode. For each this writes `0.json`, with either the optimized HLO as
text and the sizes of the memory, or XLA's error; and prints its number. It imports jax and nothing
of jaxdeconv, and never makes a client of a real device.
"""

import json
import sys
from pathlib import Path
from typing import Any


def main(folder: Path) -> None:
    """Compile every program in a folder.

    Args:
        folder: as above.
    """
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    device = _device(job)
    for number in range(len(list(folder.glob("*.mlirbc")))):
        try:
            found = _compiled(device, (folder / f"{number}.mlirbc").read_bytes())
        except Exception as error:
            found = {"error": f"{type(error).__name__}: {error}"}
        (folder / f"{number}.json").write_text(json.dumps(found), encoding="utf-8")
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


def _device(job: dict[str, str]) -> Any:
    """One device of a topology that exists in the compiler alone."""
    from jax.experimental import topologies  # noqa: PLC0415  after the arguments are known

    if job["platform"] == "tpu":
        return topologies.get_topology_desc(job["topology"], "tpu").devices[0]
    options = {name: job[name] for name in ("topology", "target_config")}
    return topologies.get_topology_desc(platform=job["platform"], **options).devices[0]


def _compiled(device: Any, bytecode: bytes) -> dict[str, Any]:
    """What `Lowered.compile` does; that needs the program's function, which is elsewhere."""
    from jax._src import compiler  # noqa: PLC0415
    from jax._src.interpreters import mlir  # noqa: PLC0415
    from jaxlib import _jax  # noqa: PLC0415
    from jaxlib.mlir import ir  # noqa: PLC0415

    with mlir.make_ir_context():
        module = ir.Module.parse(bytecode)
    executable = device.client.compile(
        module,
        executable_devices=_jax.DeviceList((device,)),
        compile_options=compiler.get_compile_options(num_replicas=1, num_partitions=1),
    )
    memory = executable.get_compiled_memory_stats()
    return {
        "hlo": "\n".join(one.to_string() for one in executable.hlo_modules()),
        "temporary_bytes": memory.temp_size_in_bytes,
        "argument_bytes": memory.argument_size_in_bytes,
        "output_bytes": memory.output_size_in_bytes,
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
