import dataclasses

import pytest

from jaxdeconv.compilers import targets
from jaxdeconv.compilers.cost import seconds
from jaxdeconv.compilers.kernels import Kernel
from jaxdeconv.planning import devices

H100, V5E = (targets.find(name).constants for name in ("h100", "v5e"))
NOTHING = Kernel("%k", "gemm", "bf16", None, 1, (), 0.0, 0.0)


def test_the_largest_of_four_bounds() -> None:
    assert seconds(NOTHING, H100) == H100.launch_seconds
    kernel = dataclasses.replace(NOTHING, bytes=H100.bytes_per_second)
    assert seconds(kernel, H100) == 1
    kernel = dataclasses.replace(kernel, vector_flops=2 * H100.vector_flops_per_second)
    assert seconds(kernel, H100) == 2
    products = ((0, 2 * H100.flops_per_second["bf16"]), (None, H100.flops_per_second["bf16"]))
    assert seconds(dataclasses.replace(kernel, products=products, times=2), H100) == 6


def test_speeds_by_dtype() -> None:
    def time(dtype: str, highest: bool = False) -> float:
        kernel = dataclasses.replace(NOTHING, dtype=dtype, highest=highest, products=((0, 1e15),))
        return seconds(kernel, H100)

    assert time("f16") == time("bf16") < time("f32") < time("f32", highest=True)
    assert time("c64") == time("f32")
    assert time("s64") == time("f32", highest=True)  # of which nothing is known


def test_a_tpu_counts_cycles() -> None:
    kernel = dataclasses.replace(NOTHING, cycles=int(V5E.cycles_per_second), times=3, bytes=1e12)
    assert seconds(kernel, V5E) == 3
    assert seconds(dataclasses.replace(kernel, running=True), V5E) == 0


@pytest.mark.every_variant
@pytest.mark.parametrize("name", targets.NAMES)
def test_devices(name) -> None:
    found = targets.find(name)
    assert (found.platform == "cuda") == bool(found.target_config) == (not found.accelerator_type)
    assert {"bf16", "f16", "f32", "f32 highest"} <= set(found.constants.flops_per_second)
    assert "not measured" in found.basis


def test_what_the_compiler_is_told() -> None:
    told = targets.find("h100").target_config
    assert told.startswith("gpu_device_info { threads_per_block_limit: 1024 ")
    assert 'cuda_compute_capability { major: 9 } } platform_name: "CUDA"' in told


def test_measured_speeds_take_the_place_of_the_data_sheets(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("JAXDECONV_DEVICES", str(tmp_path / "devices"))
    path = devices.remember("h100", {"launch_seconds": 1e-6}, "measured on a card")
    found = targets.find("h100")
    assert found.constants == dataclasses.replace(H100, launch_seconds=1e-6)
    assert found.basis == "measured on a card"
    path.unlink()
    assert targets.find("h100").constants == H100
    with pytest.raises(ValueError, match="constants must be a known name; got constants='speed'"):
        devices.remember("h100", {"speed": 1}, "")
    with pytest.raises(ValueError, match="target must be a known name; got target='h101'"):
        devices.remember("h101", {}, "")
