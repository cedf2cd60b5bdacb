"""The tests' compilation cache: later processes find programs in it, and no error is hidden."""

import os
from pathlib import Path

from tests.support import compilation_cache
from tests.support.processes import printed_on

PROGRAM = """
import os
from pathlib import Path

import jax
import numpy as np

from jaxdeconv import conv_transpose
from jaxdeconv.algorithms import dnnl

compilation_cache.enable(Path(os.environ["DIRECTORY"]))
events = []
jax.monitoring.register_event_listener(lambda event, **_: events.append(event.split("/")[-1]))

u, w = np.ones((1, 5, 4), np.float32), np.ones((3, 4, 4), np.float32)
for algorithm in ("phases",) if dnnl.missing() else ("phases", "onednn"):
    events.clear()
    call = jax.jit(lambda u, w: conv_transpose(u, w, stride=2, algorithm=algorithm))
    print(algorithm, float(call(u, w).sum()), "found:", "cache_hits" in events)

refused = jax.ffi.ffi_call("no_such_call", jax.ShapeDtypeStruct((3,), np.float32))
try:
    jax.jit(refused)(u[0, :3, 0]).block_until_ready()
except jax.errors.JaxRuntimeError as error:
    print("refused:", "no_such_call" in str(error))
"""


def test_a_later_process_finds_programs_and_meets_the_same_errors(tmp_path: Path) -> None:
    """Those that call oneDNN, too."""
    cached = {"DIRECTORY": str(tmp_path), "JAX_ENABLE_COMPILATION_CACHE": "1"}
    first, second = (printed_on(1, PROGRAM, **cached).splitlines() for _ in range(2))
    assert (first[0], second[0]) == ("phases 240.0 found: False", "phases 240.0 found: True")
    assert first[1:-1] in ([], ["onednn 240.0 found: False"])
    assert second[1:-1] in ([], ["onednn 240.0 found: True"])
    assert first[-1] == second[-1] == "refused: True"
    assert any("wrapped" not in path.name for path in tmp_path.glob("*-cache"))


def test_it_can_be_turned_off(tmp_path: Path) -> None:
    without = {"DIRECTORY": str(tmp_path), "JAX_ENABLE_COMPILATION_CACHE": "0"}
    for _ in range(2):
        assert printed_on(1, PROGRAM, **without).startswith("phases 240.0 found: False\n")
    assert not list(tmp_path.iterdir())


def test_the_oldest_entries_are_removed(tmp_path: Path) -> None:
    for age, name in enumerate(["c-cache", "b-cache", "a-cache", "other"]):
        path = tmp_path / name
        path.write_bytes(bytes(100))
        os.utime(path, (1e9 - age, 1e9 - age))
    compilation_cache.prune(tmp_path, largest=250)
    assert {path.name for path in tmp_path.iterdir()} == {"c-cache", "b-cache", "other"}
