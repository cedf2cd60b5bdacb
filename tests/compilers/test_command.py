"""`jaxdeconv compiled` and `jaxdeconv compilers install`."""

import json
import sys

import pytest

from jaxdeconv.cli import compiled, main
from jaxdeconv.compilers import installing
from jaxdeconv.compilers.targets import find
from tests.compilers.support import explained, text

MODULE = """
import jax

def step(x, w):
    return jax.lax.conv_transpose(x, w, (2, 2), "SAME")

S = jax.ShapeDtypeStruct
case = (step, S((2, 4, 4, 16), "bfloat16"), S((4, 4, 16, 8), "bfloat16"))

def made():
    return case

def nothing():
    return 3

def raises():
    raise RuntimeError("no such file\\nor folder.")

number = 5
"""


@pytest.fixture(autouse=True)
def _steps(tmp_path, monkeypatch) -> None:
    """A module `steps` where the command is run, and compilers in place."""
    (tmp_path / "steps.py").write_text(MODULE)
    (tmp_path / "broken.py").write_text("1 / 0")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("JAXDECONV_COMPILERS", str(tmp_path))
    installing.folder("cuda").mkdir()
    yield
    sys.modules.pop("steps", None)


@pytest.mark.every_variant
@pytest.mark.parametrize(
    "words",
    [
        ["steps:case"],
        ["steps:made"],
        ["steps:step", "bfloat16[2,4,4,16]", "bfloat16[4,4,16,8]"],
    ],
)
def test_what_can_be_named(monkeypatch, capsys, words) -> None:
    found = explained(monkeypatch, text("h100_stuffed"), text("h100_backward_input"))
    assert main(["compiled", *words]) == 0
    said = capsys.readouterr()
    assert "steps.py:5  conv_transpose  bfloat16[2,4,4,16]" in said.out
    assert said.out.splitlines()[5] == str(found).splitlines()[5]
    assert said.err == "tracing ...\ncompiling 2 programs for h100 ...\n"


def test_json_of_several_targets(monkeypatch, capsys) -> None:
    explained(monkeypatch, text("h100_stuffed"), text("h100_backward_input"))
    assert main(["compiled", "steps:case", "--target", "h100,a100", "--json"]) == 0
    records = json.loads(capsys.readouterr().out)
    assert [one["target"] for one in records] == ["h100", "a100"]
    first, second = records[0]["programs"]
    assert first["convolutions"][0]["wasted"] > 0.75 > second["convolutions"][0]["wasted"]
    assert [one["kind"] for one in second["convolutions"][0]["kernels"]] == [
        "transpose fusion",
        "cuDNN dgrad",
    ]


@pytest.mark.every_variant
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["steps"], "function must be module:name; got function='steps'. Write for"),
        (["steps:none"], "module 'steps' has no attribute 'none'; got function='steps:none'. Run"),
        (["absent:step"], "No module named 'absent'; got function='absent:step'. Run where"),
        (["broken:step"], "it raised ZeroDivisionError: division by zero; got function='broken"),
        (["steps:step"], "the shapes of x, w must be given; got function='steps:step'. Write"),
        (["steps:number"], "function must be a function with shapes behind it, a tuple (step"),
        (["steps:nothing"], "function must be a function with shapes behind it, a tuple (step"),
        (["steps:raises"], "it raised RuntimeError: no such file; got function='steps:raises'."),
        (
            ["steps:step", "float3[3]"],
            "shapes must be a dtype with sizes in brackets each; got shap",
        ),
        (["steps:step", "int32"], "shapes must be a dtype with sizes in brackets each; got shap"),
        (["steps:step", "int32[]"], "it raised TypeError: "),
        (["steps:case", "--target", "h100,tpu"], "target must be a known name; got target='tpu'"),
        (["steps:case", "--target", "v5e"], "the compiler for this target must be installed ("),
    ],
)
def test_errors_are_sentences(capsys, words, message) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["compiled", *words])
    assert ended.value.code == 2
    assert (
        capsys.readouterr()
        .err.removeprefix("tracing ...\n")
        .startswith(f"jaxdeconv compiled: error: {message}")
    )


def test_install(monkeypatch, capsys) -> None:
    asked = []
    monkeypatch.setattr(compiled.installing, "install", asked.append)
    assert main(["compilers", "install", "h100", "v5e"]) == 0
    assert asked == [find("v5e")]
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"h100: installed already, in {installing.folder('cuda')}"
    assert lines[1] == (
        f"v5e: {installing.wheels(find('v5e'))[0]}, about 215 MB to download, 690 MB on the disk, "
        f"into {installing.folder('tpu')}"
    )
