"""A module of layers imports only its own framework, on first access; it may be missing."""

import subprocess
import sys

import pytest

from jaxdeconv import nn

PACKAGES = {"nnx": "flax", "linen": "flax", "equinox": "equinox", "haiku": "dm-haiku"}
MODULES = {"nnx": "flax", "linen": "flax", "equinox": "equinox", "haiku": "haiku"}


def _run(program: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return result.stdout.strip()


@pytest.mark.parametrize("name", nn.FRAMEWORKS)
def test_missing_framework(name: str) -> None:
    program = (
        f"import sys; sys.modules[{MODULES[name]!r}] = None\n"
        "from jaxdeconv import nn\n"
        "try:\n"
        f"    nn.{name}\n"
        "except ImportError as error:\n"
        "    print(error)"
    )
    package = PACKAGES[name]
    assert _run(program) == (
        f"jaxdeconv.nn.{name}: needs {package}. Install it: pip install {package}"
    )


def test_no_framework_before_it_is_asked_for() -> None:
    names = sorted(set(MODULES.values()))
    program = (
        "import sys\nfrom jaxdeconv import nn\n"
        f"print([n for n in {names} if n in sys.modules])\n"
        "nn.equinox\n"
        f"print([n for n in {names} if n in sys.modules])"
    )
    assert _run(program).split("\n") == ["[]", "['equinox']"]


def test_unknown_framework() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'sonnet'"):
        nn.sonnet  # noqa: B018
