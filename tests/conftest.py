"""What every test runs under: strict JAX, reproducible hypothesis, and `x64` where asked for."""

import os
from collections.abc import Iterator

import hypothesis
import jax
import pytest

hypothesis.settings.register_profile(
    "deterministic", derandomize=True, deadline=None, database=None, print_blob=True
)
hypothesis.settings.register_profile("random", deadline=None, print_blob=True, max_examples=1000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "deterministic"))

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--geometries",
        type=int,
        default=40,
        help="how many random geometries to compare with PyTorch (tests/oracles/test_torch.py)",
    )


@pytest.fixture(autouse=True, scope="session")
def _no_tuning_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Plans follow the cost model alone, whatever was tuned on this machine."""
    os.environ["JAXDECONV_CACHE"] = str(tmp_path_factory.mktemp("tuned"))


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
