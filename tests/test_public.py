"""What users see of the package: its names, its version, its types, and how results show."""

import subprocess
import sys
import tomllib
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

import jaxdeconv
from jaxdeconv import operators, verify

ROOT = Path(jaxdeconv.__file__).parents[1]
MODULES = {
    "algorithms",
    "compat",
    "compilers",
    "continuous",
    "interpolation",
    "nn",
    "operators",
    "plot",
    "reference",
    "sharding",
    "verify",
}


def run(program: str, **options) -> str:
    """What a program prints, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, **options
    )
    return done.stdout.strip()


def public(module) -> set[str]:
    return {name for name in dir(module) if not name.startswith("_")}


def test_completion_shows_the_public_names_alone() -> None:
    assert public(jaxdeconv) == {*jaxdeconv.__all__} | MODULES
    assert {"__version__", "__doc__", "__path__"} <= set(dir(jaxdeconv))
    assert public(jaxdeconv.compat) == {*jaxdeconv.compat.__all__}
    assert public(jaxdeconv.nn) >= {"arrays", "core", "initializers", "nnx", "linen"}
    assert "importlib" not in dir(jaxdeconv.nn)


def test_every_name_that_is_shown_is_there() -> None:
    for module in (jaxdeconv, jaxdeconv.compat, jaxdeconv.nn):
        assert all(getattr(module, name).__doc__ for name in public(module))


def test_names_are_shown_before_they_are_imported() -> None:
    program = (
        "import sys, jaxdeconv\n"
        "assert 'jax' not in sys.modules\n"
        "print(*(name for name in dir(jaxdeconv) if name[0] != '_'))\n"
        "assert 'jax' not in sys.modules"
    )
    assert set(run(program).split()) == public(jaxdeconv)


def test_other_modules_are_there_though_not_shown() -> None:
    """As README writes them, with nothing imported but the package."""
    for name in (
        "acceleration.inspect",
        "errors.ArgumentValueError",
        "geometry.ConvGeometry",
        "cli.main",
    ):
        assert run(f"import jaxdeconv; print(jaxdeconv.{name}.__name__)") == name.split(".")[1]


def test_a_framework_that_is_missing_is_not_shown() -> None:
    program = (
        "import sys\n"
        "sys.modules['flax'] = None\n"
        "from jaxdeconv import nn\n"
        "print(*(name for name in ('nnx', 'linen') if name in dir(nn)), len(dir(nn)) > 5)"
    )
    assert run(program) == "True"


def test_unknown_names() -> None:
    for module in (jaxdeconv, jaxdeconv.nn):
        with pytest.raises(
            AttributeError, match=f"module '{module.__name__}' has no attribute 'f'"
        ):
            module.f  # noqa: B018


def version() -> str:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_version_of_a_checkout() -> None:
    assert jaxdeconv.__version__ == version()


def test_version_where_it_is_installed(tmp_path: Path) -> None:
    """Copied away from pyproject.toml, with metadata beside it, and with none."""
    package, info = tmp_path / "jaxdeconv", tmp_path / "jaxdeconv-3.2.1.dist-info"
    package.mkdir()
    (package / "__init__.py").write_text((ROOT / "jaxdeconv" / "__init__.py").read_text())
    program = "import jaxdeconv; print(jaxdeconv.__version__)"
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "other"\nversion = "7"\n')
    alone = {"cwd": tmp_path, "env": {"PYTHONPATH": str(tmp_path), "PATH": ""}}
    if not installed():
        assert run(program, **alone) == "0+unknown"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: jaxdeconv\nVersion: 3.2.1\n")
    assert run(program, **alone) == "3.2.1"


def installed() -> bool:
    program = "from importlib import metadata; print([*metadata.distributions(name='jaxdeconv')])"
    return run(program, cwd="/", env={"PATH": ""}) != "[]"


SCRIPT = """
import jaxdeconv
from jaxdeconv import nn, operators

reveal_type(jaxdeconv.conv)
reveal_type(jaxdeconv.__version__)
reveal_type(jaxdeconv.operators.lstsq)
reveal_type(operators.ConvOperator.as_matrix)
reveal_type(jaxdeconv.nn.nnx.Conv)
reveal_type(nn.linen.ConvTranspose)
reveal_type(jaxdeconv.compat.torch.conv2d)
reveal_type(jaxdeconv.plot.image)
jaxdeconv.nothing
jaxdeconv.nn.nothing
jaxdeconv.operators.nothing
"""


@pytest.mark.slow
def test_mypy_knows_modules_and_their_names(tmp_path: Path, monkeypatch) -> None:
    api = pytest.importorskip("mypy.api")
    monkeypatch.setenv("MYPYPATH", str(ROOT))
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    options = ["--follow-imports=silent", "--cache-dir", str(tmp_path), "--config-file="]
    out, err, _ = api.run([*options, str(script)])
    assert err == ""
    said = {}
    for line in out.splitlines()[:-1]:
        _, number, text = line.split(":", 2)
        said[SCRIPT.splitlines()[int(number) - 1]] = text.strip()
    revealed = {line: text for line, text in said.items() if line.startswith("reveal_type")}
    assert len(revealed) == 8, out
    assert all("note: Revealed type is" in text for text in revealed.values())
    assert not any('"Any"' in text or "ModuleType" in text for text in revealed.values()), out
    wrong = [text for line, text in said.items() if line.endswith(".nothing")]
    assert len(wrong) == 3, out
    assert all("Module has no attribute" in text for text in wrong)


def results() -> dict[str, object]:
    w = jnp.ones((3, 1, 1))
    K = jaxdeconv.ConvOperator(w, (6, 1), padding=1)
    return {
        "Plan": jaxdeconv.plan("conv", jnp.ones((6, 1)), w),
        "Report": verify.adjoint(jnp.flip, jnp.flip, jax.ShapeDtypeStruct((5,), "float32")),
        "Solution": operators.lstsq(K, jnp.ones((6, 1))),
        "Deconvolved": operators.richardson_lucy(K, jnp.ones((6, 1)), tolerance=0, max_steps=2),
        "InverseReport": operators.inverse_report(K, jnp.ones((6, 1))),
        "Checkerboard": operators.checkerboard(K),
        "Inspection": jaxdeconv.acceleration.inspect(lambda x: x + 1, jnp.ones(3)),
    }


def test_results_show_their_text() -> None:
    """In a notebook, whose cells show `repr`, as by `print`."""
    for name, result in results().items():
        assert type(result).__name__ == name
        assert repr(result) == str(result)
        assert f"{name}(" not in repr(result)


def test_results_show_while_they_are_traced() -> None:
    K = jaxdeconv.ConvOperator(jnp.ones((3, 1, 1)), (6, 1), padding=1)

    def shown(u):
        solution = operators.lstsq(K, u)
        seen.append(repr(solution))
        return solution

    seen: list[str] = []
    abstract = jax.eval_shape(shown, jnp.ones((6, 1)))
    assert [text.partition(":")[0] for text in [*seen, repr(abstract)]] == ["lstsq", "lstsq"]
