"""Two processes with four devices each: the same numbers; and what becomes of one left alone."""

import os
import socket
import subprocess
import sys
import time

PROGRAM = """
import os, sys
import jax, numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P

jax.config.update("jax_cpu_collectives_implementation", "gloo")
jax.distributed.initialize(
    "localhost:" + PORT, num_processes=2, process_id=PROCESS, heartbeat_timeout_seconds=10
)
from jaxdeconv import conv, conv_transpose, kernel_gradient
from tests.support.cases import integers

assert len(jax.devices()) == 8 and len(jax.local_devices()) == 4
mesh = jax.make_mesh((8,), ("h",), axis_types=(AxisType.Auto,))
rows, whole = NamedSharding(mesh, P(None, "h")), NamedSharding(mesh, P())
kw = dict(padding=1, padding_mode="circular")
data = {"v": integers((2, 16, 4, 2)), "w": integers((3, 3, 2, 3), seed=1)}
data["u"] = integers((2, 16, 4, 3), seed=2)


def on_mesh(role):
    x, sharding = data[role], whole if role == "w" else rows
    return jax.make_array_from_callback(x.shape, sharding, lambda index: x[index])


LEGS = (
    ("vw", lambda v, w: conv(v, w, **kw)),
    ("uw", lambda u, w: conv_transpose(u, w, input_size=(16, 4), **kw)),
    ("uv", lambda u, v: kernel_gradient(u, v, kernel_size=(3, 3), **kw)),
)
"""

EQUAL = """
for roles, leg in LEGS:
    compiled = jax.jit(leg).lower(*map(on_mesh, roles)).compile()
    assert "all-gather" not in compiled.as_text()
    expected = np.asarray(leg(*(data[role] for role in roles)))
    for shard in compiled(*map(on_mesh, roles)).addressable_shards:
        assert (np.asarray(shard.data) == expected[shard.index]).all()
print("the same numbers")
"""

ALONE = """
roles, leg = LEGS[0]
compiled = jax.jit(leg).lower(*map(on_mesh, roles)).compile()
operands = tuple(map(on_mesh, roles))
compiled(*operands).block_until_ready()
if PROCESS == 1:
    os._exit(0)  # without a word
compiled(*operands).block_until_ready()
print("went on alone")
"""


def test_two_processes_give_the_same_numbers() -> None:
    for _, code, output in run_two(PROGRAM + EQUAL):
        assert (code, output[-17:]) == (0, "the same numbers\n"), output


def test_a_lost_process_is_an_error() -> None:
    """And no hang: the other one ends when it misses its answer, or its heartbeat."""
    (seconds, code, output), (_, lost, _) = run_two(PROGRAM + ALONE)
    assert lost == 0
    assert code != 0, output
    assert "went on alone" not in output
    assert seconds < 60


def run_two(program: str) -> list[tuple[float, int, str]]:
    """Seconds, exit code and output of two processes of one program."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    flags = "--xla_force_host_platform_device_count=4"
    start = time.monotonic()
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", f"PORT, PROCESS = {str(port)!r}, {process}\n" + program],
            env=os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for process in (0, 1)
    ]
    results = []
    for process in processes:
        try:
            output, _ = process.communicate(timeout=300)
        finally:
            process.kill()
        results.append((time.monotonic() - start, process.returncode, output))
    return results
