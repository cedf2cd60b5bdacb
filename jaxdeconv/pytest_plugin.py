"""Adjoint tests in pytest: the fixture `assert_adjoint` and the marker `adjoint`.

pytest loads this module in every session of everyone who has installed the package. So it stands
outside of `jaxdeconv.verify`, which imports jax, and imports that where a test asks for it.
"""

import argparse
import hashlib
import inspect
import secrets
from collections.abc import Callable, Generator
from typing import Any

import pytest

__all__ = ["assert_adjoint"]

_SEED = pytest.StashKey[int]()
_USED = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--adjoint-seed` on the command line, `adjoint_seed` in a configuration file."""
    parser.getgroup("jaxdeconv").addoption(
        "--adjoint-seed",
        type=_seed,
        metavar="N",
        help="repeat the probes of an earlier session, as its failures name it",
    )
    parser.addini("adjoint_seed", "the same for every session; none: other probes in each")


def _seed(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"a seed is a whole number from 0 on, not {text!r}")
    return int(text)


def pytest_configure(config: pytest.Config) -> None:
    """Draw the seed of the session, or take it; workers of pytest-xdist take their controller's."""
    config.addinivalue_line(
        "markers",
        "adjoint(seed=None, budget=None, ...): keywords of jaxdeconv.verify.assert_adjoint for all "
        "calls of the fixture assert_adjoint in the test; seed is its key",
    )
    seed = getattr(config, "workerinput", {}).get("adjoint_seed")
    if seed is None:
        seed = config.getoption("--adjoint-seed")
    if seed is None and (text := str(config.getini("adjoint_seed") or "")):
        try:
            seed = _seed(text)
        except argparse.ArgumentTypeError as error:
            raise pytest.UsageError(f"adjoint_seed: {error}") from None
    config.stash[_SEED] = secrets.randbits(32) if seed is None else seed


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Hand the seed to a worker of pytest-xdist."""
    node.workerinput["adjoint_seed"] = node.config.stash[_SEED]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse a marker with an option that there is not, though the test may not use the fixture."""
    _marked(item)


def _marked(item: pytest.Item) -> dict[str, Any]:
    """The options of all markers of a test; the closest counts."""
    options: dict[str, Any] = {}
    for mark in reversed([*item.iter_markers("adjoint")]):
        known = _known()
        if mark.args:
            pytest.fail(
                f"the marker adjoint takes keywords alone, not {mark.args[0]!r}; "
                f"they are {', '.join(known)}",
                pytrace=False,
            )
        for name in mark.kwargs.keys() - set(known):
            pytest.fail(
                f"the marker adjoint has no option {name!r}; it takes {', '.join(known)}",
                pytrace=False,
            )
        options |= mark.kwargs
    return options


def _known() -> list[str]:
    """The options of the marker: `seed`, and the keywords of `verify.adjoint` but for `key`."""
    from jaxdeconv.verify import adjoint  # noqa: PLC0415  it brings jax

    parameters = inspect.signature(adjoint).parameters.values()
    keywords = [one.name for one in parameters if one.kind is one.KEYWORD_ONLY]
    return ["seed", *(name for name in keywords if name != "key")]


@pytest.fixture
def assert_adjoint(request: pytest.FixtureRequest) -> Callable[..., None]:
    """`jaxdeconv.verify.assert_adjoint` with other probes in every session.

    The keys come from the seed of the session, the name of the test and the number of the call, so
    that they do not depend on which other tests run. The marker `adjoint` sets defaults:

        @pytest.mark.adjoint(budget=500)
        def test_blur(assert_adjoint):
            assert_adjoint(blur, blur_transposed, jax.ShapeDtypeStruct((64, 64), "float32"))

    If the test fails, a section of its report names the seed, and the command that repeats it.

    Args:
        request: of pytest.

    Returns:
        The function, which takes the arguments of `jaxdeconv.verify.assert_adjoint`.
    """
    from jaxdeconv.verify import AdjointMismatch  # noqa: PLC0415  it brings jax
    from jaxdeconv.verify import assert_adjoint as check  # noqa: PLC0415

    item = request.node
    defaults = _marked(item)
    pinned = defaults.pop("seed", None)
    calls = 0

    def asserted(A: Any, At: Any, domain: Any, codomain: Any = None, **options: Any) -> None:
        nonlocal calls
        __tracebackhide__ = True
        chosen = defaults | options
        if chosen.get("key") is None:
            chosen["key"] = _key(item, calls) if pinned is None else pinned
            item.stash[_USED] = pinned is None
        calls += 1
        try:
            check(A, At, domain, codomain, **chosen)
        except AdjointMismatch as error:
            raise error.with_traceback(None) from None  # the test's own line is what one looks for

    return asserted


def _key(item: pytest.Item, call: int) -> int:
    text = f"{item.config.stash[_SEED]} {item.nodeid} {call}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """How to repeat the probes of a failure."""
    report = yield
    if report.failed and item.stash.get(_USED, False):
        command = f'pytest --adjoint-seed={item.config.stash[_SEED]} "{item.nodeid}"'
        report.sections.append(("assert_adjoint", f"the same probes again: {command}"))
    return report
