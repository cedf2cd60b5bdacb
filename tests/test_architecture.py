"""What the package exports, what importing it brings in, and the size of its files."""

import subprocess
import sys
from pathlib import Path

import jaxdeconv
from tests.test_public import MODULES as SUBMODULES

PACKAGE = Path(jaxdeconv.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

PUBLIC = {
    "ConvGeometry",
    "ConvOperator",
    "accelerate",
    "autotune",
    "autotuning",
    "conv",
    "conv_transpose",
    "kernel_gradient",
    "plan",
    "possible_input_sizes",
    "register_algorithm",
    "unregister_algorithm",
    "verify",
}


def test_public_names() -> None:
    assert set(jaxdeconv.__all__) == PUBLIC
    assert all(getattr(jaxdeconv, name).__doc__ for name in PUBLIC)


def test_import_brings_jax_and_numpy_alone() -> None:
    """In a process of its own: no framework, no plotting, no oracle, unless jax itself has it."""
    program = (
        "import sys, jax, jax.numpy\n"
        "before = {name.split('.')[0] for name in sys.modules}\n"
        "import jaxdeconv\n"
        f"[getattr(jaxdeconv, name) for name in {[*PUBLIC, *SUBMODULES]}]\n"
        "after = {name.split('.')[0] for name in sys.modules}\n"
        "print(*sorted(after - before - set(sys.stdlib_module_names)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == ["jaxdeconv"]


def test_a_leg_brings_neither_its_checker_nor_the_operators() -> None:
    program = (
        "import sys, jaxdeconv\n"
        "jaxdeconv.conv, jaxdeconv.accelerate\n"
        "print(*sorted({name.split('.')[1] for name in sys.modules if name[:10] == 'jaxdeconv.'}))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    brought = set(result.stdout.split())
    assert {"legs", "primitives", "acceleration"} <= brought
    assert not brought & {"verify", "operators", "compat", "nn", "plot", "cli"}


def test_files_are_small() -> None:
    """Functions too, but that is ruff's to say."""
    lines = {str(path.relative_to(PACKAGE)): path.read_text().count("\n") for path in MODULES}
    assert {path: count for path, count in lines.items() if count > 330} == {}


def test_typed() -> None:
    assert (PACKAGE / "py.typed").exists()
