"""Compilers from the package index: which, where, and what is said where there are none."""

import subprocess
import sys
import types

import jax
import pytest

from jaxdeconv.compilers import installing
from jaxdeconv.compilers.targets import find
from tests.support.bad_inputs import check_message

H100, V5E = find("h100"), find("v5e")


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("JAXDECONV_COMPILERS", str(tmp_path))


def test_the_wheels_that_belong_to_this_jax() -> None:
    pjrt, plugin = installing.wheels(H100)
    version = f"=={jax.__version__}"
    assert pjrt.startswith("jax-cuda")
    assert pjrt.endswith(f"-pjrt{version}")
    assert plugin == pjrt.replace("-pjrt", "-plugin")
    (libtpu,) = installing.wheels(V5E)
    assert libtpu.startswith("libtpu==0.0.")


def test_one_folder_for_each_platform_jax_and_python(tmp_path) -> None:
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    assert installing.folder("tpu") == tmp_path / f"tpu-jax{jax.__version__}-{python}"


def test_not_installed() -> None:
    check_message(
        lambda: installing.installed(V5E),
        ValueError,
        f"the compiler for this target must be installed ({installing.wheels(V5E)[0]}); got "
        "target='v5e'. Run once: python -m jaxdeconv compilers install v5e (about 215 MB to "
        "download, 690 MB on the disk).",
    )


def test_another_machine(monkeypatch) -> None:
    monkeypatch.setattr(installing.machine, "system", lambda: "Darwin")
    monkeypatch.setattr(installing.machine, "machine", lambda: "arm64")
    check_message(
        lambda: installing.installed(H100),
        ValueError,
        "the compilers exist for Linux x86-64 alone; got target='h100', machine='Darwin arm64'. "
        "Run this there; the device itself is not needed.",
    )


def test_a_jax_that_names_none(monkeypatch) -> None:
    monkeypatch.setattr(installing.metadata, "requires", lambda _: ["numpy>=2.0"])
    monkeypatch.setattr(jax, "__version__", "0.99")
    check_message(
        lambda: installing.install(H100),
        ValueError,
        "this release of jax must name the wheels of the compiler, and it does not; got "
        "target='h100', jax='0.99'. Install a released jax, 0.10 or later.",
    )


@pytest.mark.parametrize("succeeds", [True, False])
def test_whole_or_not_at_all(tmp_path, monkeypatch, succeeds) -> None:
    called = []

    def run(command, check):
        assert not check
        called.append(command)
        folder = command[command.index("--target") + 1]
        (tmp_path / folder / "part").write_text("")
        return types.SimpleNamespace(returncode=0 if succeeds else 1)

    monkeypatch.setattr(subprocess, "run", run)
    path = installing.folder("cuda")
    if succeeds:
        assert installing.install(H100) == installing.install(find("a100")) == path
        assert [one.name for one in path.iterdir()] == ["part"]
        assert len(called) == 1
        assert called[0][:5] == [sys.executable, "-m", "pip", "install", "--no-deps"]
        assert called[0][-2:] == installing.wheels(H100)
        assert installing.installed(H100) == path
    else:
        with pytest.raises(ValueError, match="pip must be able to install jax-cuda"):
            installing.install(H100)
    assert [*tmp_path.iterdir()] == ([path] if succeeds else [])
