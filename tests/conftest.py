"""What every test runs under: strict JAX, reproducible hypothesis, and `x64` where asked for."""

import os
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import hypothesis
import jax
import pytest

from tests.support import compilation_cache

hypothesis.settings.register_profile(
    "deterministic", derandomize=True, deadline=None, database=None, print_blob=True
)
hypothesis.settings.register_profile("random", deadline=None, print_blob=True, max_examples=1000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "deterministic"))

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")

# plans are the same on every machine, from the collection of the tests on
os.environ.setdefault("JAXDECONV_COSTS", "amd")

compilation_cache.enable()


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # once, not in every worker
        compilation_cache.prune()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--geometries",
        type=int,
        default=20,
        help="how many random geometries tests/oracles/test_torch.py compares with PyTorch, "
        "tests/algorithms/test_padding.py and tests/algorithms/dnnl with the matrix of coordinates",
    )


def pytest_make_parametrize_id(val: Any) -> str | None:
    """No addresses in the names of tests: every process must collect the same ones."""
    text = str(val)
    return re.sub(r" at 0x[0-9a-f]+", "", text) if " at 0x" in text else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of a parametrised test the first and the last variant are in the fast lane, the others slow.

    Where none stands for another, as `every_variant` says, all are.
    """
    families: dict[str, list[pytest.Item]] = {}
    for item in items:
        if not any(map(item.get_closest_marker, ("slow", "every_variant"))):
            families.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for variants in families.values():
        for item in variants[1:-1]:
            item.add_marker("slow")


@pytest.fixture(autouse=True, scope="session")
def _no_tuning_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Plans follow the cost model alone, whatever was tuned or measured on this machine."""
    os.environ["JAXDECONV_CACHE"] = str(tmp_path_factory.mktemp("tuned"))


@pytest.fixture
def own_metadata() -> Iterator[None]:
    """For compiled programs read as text: no equal program, with other names in it, is found."""
    flag = "jax_compilation_cache_include_metadata_in_key"
    jax.config.update(flag, True)
    yield
    jax.config.update(flag, False)


@pytest.fixture(scope="session")
def torch() -> ModuleType:
    """PyTorch, an oracle that one may do without: then the tests that ask for it are skipped."""
    return pytest.importorskip("torch")


@pytest.fixture
def x64() -> Iterator[None]:
    """64-bit mode, for this test only."""
    with jax.enable_x64(True):
        yield


@pytest.fixture
def x32() -> Iterator[None]:
    """JAX's default 32-bit mode, for this test only."""
    with jax.enable_x64(False):
        yield
