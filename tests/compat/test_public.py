"""What compat exports, and that importing it brings in no framework."""

import inspect
import pickle
import subprocess
import sys
from typing import Any

import pytest

from jaxdeconv import compat

PUBLIC = {
    "keras": {"conv", "conv_transpose"},
    "lax": {"conv_general_dilated", "conv_transpose"},
    "onnx": {"Conv", "ConvTranspose"},
    "tensorflow": {"conv_transpose", "convolution"},
    "torch": {f"conv{kind}{n}d" for kind in ("", "_transpose") for n in (1, 2, 3)},
}


def test_names() -> None:
    assert set(compat.__all__) == {*PUBLIC, "convert_kernel"}
    for name, functions in PUBLIC.items():
        assert set(getattr(compat, name).__all__) == functions


def test_no_framework_is_imported() -> None:
    program = "import sys, jaxdeconv.compat; print(*sorted({n.split('.')[0] for n in sys.modules}))"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    frameworks = {"torch", "onnx", "keras", "tensorflow", "haiku", "equinox", "flax", "scipy"}
    assert frameworks & set(result.stdout.split()) == set()


@pytest.mark.parametrize("name", sorted(PUBLIC["torch"]))
def test_torch_takes_the_arguments_in_torchs_order(torch: Any, name: str) -> None:
    """As the first line of torch's own documentation has them."""
    first = getattr(torch.nn.functional, name).__doc__.strip().splitlines()[0]
    theirs = [one.split("=")[0].strip() for one in first[first.index("(") + 1 :].split(",")]
    theirs[-1] = theirs[-1].split(")")[0]
    ours = list(inspect.signature(getattr(compat.torch, name)).parameters)
    assert ours[: len(theirs)] == theirs
    assert ours[len(theirs) :] in ([], ["output_size"])


@pytest.mark.parametrize("name", sorted(PUBLIC["torch"]))
def test_torch_functions_are_ordinary_functions(name: str) -> None:
    """Although all six come from two: their names, their documentation, and pickled by name."""
    function = getattr(compat.torch, name)
    assert inspect.isfunction(function)
    assert function.__name__ == function.__qualname__ == name
    assert function.__doc__.startswith(f"`torch.nn.functional.{name}`")
    assert all(f"    {one}: " in function.__doc__ for one in inspect.signature(function).parameters)
    assert pickle.loads(pickle.dumps(function)) is function
