"""The rivals, each at its defaults.

`pylops.dottest`, `jax.test_util` and `torch.autograd.gradcheck` are called. The rules of scico
(`scico.linop.valid_adjoint`) and ODL (`OperatorTest.adjoint`) are a few lines each and written out
from their sources, so that the benchmark does not need the packages.
"""

import functools
import importlib
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import jax.test_util
import numpy as np
import pylops
from jax import Array

from benchmarks.verification.checkers import Checker, Subject, Verdict, is_complex
from benchmarks.verification.pair import Pair, cells

__all__ = ["RIVALS"]

_SLOW = 2000  # cells of both sides together: more, and the slow gradcheck takes minutes
_NUMPY = (jnp.float32, jnp.float64, jnp.complex64, jnp.complex128)
_DOUBLE = (jnp.float64, jnp.complex128)
_INEXACT = (jnp.float16, jnp.bfloat16, *_NUMPY)


def _of_dtypes(*dtypes: Any) -> Callable[[Pair], bool]:
    allowed = {jnp.dtype(dtype) for dtype in dtypes}

    def takes(pair: Pair) -> bool:
        found = {leaf.dtype for leaf in jax.tree.leaves(pair.domain)}
        return len(found) == 1 and found <= allowed

    return takes


def _compiled(*dtypes: Any) -> Callable[[Pair], bool]:
    """The same, of functions of JAX."""
    of_dtypes = _of_dtypes(*dtypes)
    return lambda pair: not pair.numpy and of_dtypes(pair)


def _pylops(subject: Subject) -> Verdict:
    n, m = subject.sizes
    operator = pylops.FunctionOperator(
        subject.flat_A, subject.flat_At, m, n, dtype=subject.dtype.name
    )
    np.random.seed(subject.seed)  # noqa: NPY002 dottest draws from the global generator
    inputs, outputs = subject.complex, is_complex(subject.pair.codomain)
    operator.clinear = inputs == outputs  # else: compared over the reals
    flag = inputs + 2 * outputs
    return subject.said(pylops.utils.dottest(operator, m, n, complexflag=flag, raiseerror=False))


def _normal(rng: np.random.Generator, size: int, subject: Subject) -> np.ndarray:
    """Of unit variance, as `scico.random.randn`."""
    if subject.complex:
        parts = rng.standard_normal((2, size)) / np.sqrt(2)
        return (parts[0] + 1j * parts[1]).astype(subject.dtype)
    return rng.standard_normal(size).astype(subject.dtype)


def _scico(subject: Subject) -> Verdict:
    """|y^H A x - (At y)^H x| / max of both < 1e-7."""
    rng = np.random.default_rng(subject.seed)
    n, m = subject.sizes
    x, y = _normal(rng, n, subject), _normal(rng, m, subject)
    left, right = np.vdot(y, subject.flat_A(x)), np.vdot(subject.flat_At(y), x)
    with np.errstate(invalid="ignore"):
        return subject.said(bool(abs(left - right) / max(abs(left), abs(right)) < 1e-7))


def _examples(size: int, subject: Subject) -> Iterator[np.ndarray]:
    """ODL's three, always the same."""
    rng = np.random.RandomState(1337)
    yield np.linspace(0, 1, size).astype(subject.dtype)
    yield rng.standard_normal(size).astype(subject.dtype)
    uniform = rng.uniform(size=size)
    if subject.complex:
        uniform = uniform + 1j * rng.uniform(size=size)
    yield uniform.astype(subject.dtype)


def _odl(subject: Subject) -> Verdict:
    """|<A x, y> - <x, At y>| / (|A| |x| |y|) <= 1e-5 for all; |A| by one power iteration each."""
    n, m = subject.sizes
    xs, ys = list(_examples(n, subject)), list(_examples(m, subject))
    units = [x / np.linalg.norm(x) for x in xs if x.any()]
    rounds = [np.linalg.norm(subject.flat_At(subject.flat_A(x))) for x in units]
    if min(rounds) == 0:
        return subject.said(False)  # "ValueError: reached x=0"
    norm = np.sqrt(max(rounds))
    errors = [
        abs(np.vdot(y, subject.flat_A(x)) - np.vdot(subject.flat_At(y), x))
        / (norm * np.linalg.norm(x) * np.linalg.norm(y))
        for x in xs
        for y in ys
        if x.any() and y.any()
    ]
    return subject.said(not any(error > 1e-5 for error in errors))


def _point(subject: Subject) -> Any:
    """Where JAX's checks differentiate: their own probes are always the same."""
    rng = np.random.default_rng(subject.seed)

    def draw(leaf: jax.ShapeDtypeStruct) -> Array:
        values = rng.standard_normal(leaf.shape)
        if subject.complex:
            values = values + 1j * rng.standard_normal(leaf.shape)
        return jnp.asarray(values.astype(leaf.dtype))

    return jax.tree.map(draw, subject.pair.domain)


def _conj(tree: Any) -> Any:
    return jax.tree.map(jnp.conj, tree)


def _jax(check: Callable[..., None], derivative: Callable[..., Any]) -> Callable:
    def verdict(subject: Subject) -> Verdict:
        point = _point(subject)
        try:
            check(subject.A, functools.partial(derivative, subject), (point,))
        except AssertionError:
            return subject.said(False)
        return subject.said(True)

    return verdict


def _vjp(subject: Subject, v: Any) -> tuple[Any, Callable]:
    """`jax.vjp` never conjugates, an adjoint does."""
    return subject.A(v), lambda u: (_conj(subject.At(_conj(u))),)


def _jvp(subject: Subject, primals: tuple, tangents: tuple) -> tuple[Any, Any]:
    """The tangent that At stands for: its own adjoint."""
    transposed = jax.linear_transpose(subject.At, subject.pair.codomain)
    return subject.A(*primals), _conj(transposed(_conj(*tangents))[0])


def _gradcheck(fast: bool) -> Callable:
    def verdict(subject: Subject) -> Verdict:
        torch: Any = importlib.import_module("torch")

        class Wrapped(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, v: Any) -> Any:
                del ctx
                return torch.from_numpy(subject.flat_A(v.detach().numpy()))

            @staticmethod
            def backward(ctx: Any, u: Any) -> Any:
                del ctx
                return torch.from_numpy(subject.flat_At(u.resolve_conj().numpy()))

        generator = torch.Generator().manual_seed(subject.seed)
        dtype = getattr(torch, subject.dtype.name)
        v = torch.randn(subject.sizes[0], dtype=dtype, generator=generator, requires_grad=True)
        accepts = torch.autograd.gradcheck(
            Wrapped.apply, (v,), fast_mode=fast, raise_exception=False
        )
        return subject.said(accepts)

    return verdict


def _small_double(pair: Pair) -> bool:
    return _of_dtypes(*_DOUBLE)(pair) and cells(pair.domain) + cells(pair.codomain) <= _SLOW


RIVALS = (
    Checker("pylops dottest", _pylops, _of_dtypes(*_NUMPY), "called; 32 and 64 bits"),
    Checker("scico's rule", _scico, _of_dtypes(*_NUMPY), "written out; 32 and 64 bits"),
    Checker("ODL's rule", _odl, _of_dtypes(*_NUMPY), "written out; 32 and 64 bits"),
    Checker(
        "jax check_vjp",
        _jax(jax.test_util.check_vjp, _vjp),
        _compiled(*_INEXACT),
        "called, At as the vjp of A; all floats",
    ),
    Checker(
        "jax check_jvp",
        _jax(jax.test_util.check_jvp, _jvp),
        _compiled(*_INEXACT),
        "called, the transpose of At as the jvp of A; all floats",
    ),
    Checker(
        "torch gradcheck, fast",
        _gradcheck(True),
        _of_dtypes(*_DOUBLE),
        "called, At as the backward of A; 64 bits, as it wants",
    ),
    Checker(
        "torch gradcheck, slow",
        _gradcheck(False),
        _small_double,
        f"called, At as the backward of A; 64 bits, {_SLOW} cells at most",
    ),
)
"""In the order of the table."""
