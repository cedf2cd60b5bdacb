"""oneDNN by its C API: right numbers for any geometry, from any thread, process and device."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv import ConvGeometry
from jaxdeconv.algorithms import Problem, dnnl, onednn
from jaxdeconv.algorithms.contract import expected
from jaxdeconv.algorithms.dnnl import calls, library
from jaxdeconv.algorithms.leg import LEGS
from tests.algorithms.dnnl.draws import draw
from tests.algorithms.dnnl.programs import LAYER
from tests.support.checks import check_equal
from tests.support.poison import poison
from tests.support.processes import printed_on

FLOAT32 = np.dtype(np.float32)

installed = pytest.mark.skipif(bool(library.missing()), reason=library.missing())


def compute(problem: Problem, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    poison(x, y)
    calls._RUNNER._scratch.fill(0xFF)  # NaN in every dtype
    operands = (jnp.asarray(x, problem.dtype), jnp.asarray(y, problem.dtype))
    return np.asarray(jax.jit(lambda x, y: onednn.ONEDNN.apply(x, y, problem))(*operands))


@installed
@pytest.mark.every_variant
@pytest.mark.parametrize("leg", LEGS)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_right_numbers(leg: str, dtype: str, request: pytest.FixtureRequest) -> None:
    tried = 0
    for seed in range(request.config.getoption("--geometries")):
        case = draw(seed)
        problem = case.problem(leg, dtype)
        x, y, answer = expected(leg, case, case.data())
        if not onednn.ONEDNN.reject(problem, "cpu"):
            tried += 1
            check_equal(compute(problem, x, y), answer)
    if dtype == "float32":  # which every CPU has
        assert tried >= 3


@installed
def test_slow_kernels_are_never_run() -> None:
    """Products of im2col matrices and plain loops, to which oneDNN turns for odd strides."""
    geometry = ConvGeometry((30, 30), (16, 16), 8, 0, 1, 1)
    problem = Problem("conv_transpose", geometry, 1, 21, 21, FLOAT32, FLOAT32)
    reason = onednn.ONEDNN.reject(problem, "cpu")
    assert not reason or reason.startswith("oneDNN has only slow kernels: ")
    many = [draw(seed) for seed in range(40)]
    reasons = {onednn.ONEDNN.reject(case.problem(leg), "cpu") for case in many for leg in LEGS}
    assert any("gemm" in reason for reason in reasons)


@installed
def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    runner = calls._Runner()
    monkeypatch.setattr(calls, "_KEPT", 2)
    passes = [
        onednn.pass_of(case.problem("conv"))
        for case in map(draw, range(40))
        if not onednn.ONEDNN.reject(case.problem("conv"), "cpu")
    ][:4]
    made = [runner._ready(one.text.encode()) for one in passes]
    assert len(made) == 4
    assert list(runner._kept.values()) == made[2:]


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dnnl, "missing", lambda: "oneDNN is not installed")
    problem = draw(0).problem("conv")
    assert onednn.ONEDNN.reject(problem, "cpu") == "oneDNN is not installed"


@installed
def test_an_error_is_xlas() -> None:
    call = jax.ffi.ffi_call(calls._TARGET, jax.ShapeDtypeStruct((1,), FLOAT32))
    with pytest.raises(Exception, match=r"INTERNAL: JSONDecodeError"):
        jax.block_until_ready(jax.jit(lambda x: call(x, problem="no problem"))(jnp.ones(1)))


THREADS = """
right = [np.asarray(x) for x in layer(v, w)]
def work():
    for _ in range(20):
        for got, answer in zip(layer(v, w), right): assert (np.asarray(got) == answer).all()
        {besides}
        done.append(1)
done = []
threads = [threading.Thread(target=work) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(len(done))
"""


@installed
def test_many_threads() -> None:
    assert printed_on(1, LAYER + THREADS.format(besides="")) == "160\n"


@installed
@pytest.mark.every_variant
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.usefixtures("torch")
def test_beside_torch(first: bool) -> None:
    """Which brings threads of its own."""
    besides = "torch.nn.functional.conv2d(torch.ones(2, 8, 9, 9), torch.ones(8, 8, 3, 3))"
    torch = f"import warnings; warnings.simplefilter('ignore')\nimport torch\n{besides}\n"
    parts = (torch, LAYER) if first else (LAYER, torch)
    program = "".join(parts) + THREADS.format(besides=besides)
    assert printed_on(1, program) == "160\n"


@installed
def test_many_devices() -> None:
    program = """
right = [np.asarray(x) for x in layer(v, w)]
there = [(jax.device_put(v, d), jax.device_put(w, d)) for d in jax.devices()]
results = [layer(*one) for _ in range(10) for one in there]
print(sum((np.asarray(a) == b).all() for one in results for a, b in zip(one, right)))
"""
    assert printed_on(8, LAYER + program) == "240\n"


@installed
def test_the_process_ends_with_work_in_flight() -> None:
    program = """
for _ in range(100):
    u = layer(v, w)[0]
    v = u * 1e-4
print("left")
"""
    assert printed_on(1, LAYER + program) == "left\n"


@installed
def test_a_forked_process_is_told() -> None:
    program = """
import warnings; warnings.simplefilter("ignore")
layer(v, w)[0].block_until_ready()
child = os.fork()
if not child:
    try:
        layer(v, w)[0].block_until_ready()
    except Exception as error:
        print("by 'spawn'" in str(error), flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""
    assert printed_on(1, LAYER + program) == "True\n"


@installed
def test_a_program_from_the_persistent_cache(tmp_path: Path) -> None:
    """It means the same in a process that has planned nothing."""
    program = """
print(*(float(x.sum()) for x in layer(v, w)))
"""
    settings = {
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    printed = [
        subprocess.run(
            [sys.executable, "-c", LAYER + program],
            env=os.environ | settings,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for _ in range(2)
    ]
    assert list(tmp_path.iterdir())
    assert printed[0] == printed[1] != ""
