"""Every leg by every algorithm that is possible here, in every dtype, against the definition.

The definition is the index relation in NumPy (`jaxdeconv.reference.coordinates`). Operands are
small asymmetric integers, whose sums are exact in the dtype of the sums, so that the one right
answer is the exact sum, rounded once to the dtype of the result. Where half operands are summed,
6000 ones between two large numbers show in which dtype.
"""

import collections
import contextlib
import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jaxdeconv
from benchmarks.cases import BenchCase
from benchmarks.gpu.programs import compile_all
from benchmarks.legs import LEGS, leg_calls
from jaxdeconv import ConvGeometry
from jaxdeconv.algorithms.contract import CASES, Case, check_equal, expected

__all__ = ["EXACT", "REFUSED", "ROUNDED", "WRONG", "Question", "check", "questions", "tally"]

EXACT, ROUNDED, WRONG, REFUSED = "exact", "rounded", "wrong", "refused"
"""Equal; off by less than any wrong term would be; neither; not compiled, or not run."""

DTYPES: tuple[tuple[str, str | None], ...] = (
    ("float32", None),
    ("bfloat16", None),
    ("bfloat16", "float32"),
    ("float16", None),
    ("float16", "float32"),
    ("int8", "int32"),
    ("complex64", None),
    ("float64", None),
    ("int32", None),
    ("int8", None),
)
"""Of the operands, and of the result if another is asked for."""

_LARGE = {"bfloat16": 512, "float16": 2048}  # two of these and a few ones: lost if summed in half
_FIRST = ("stride", "depthwise", "dilation_and_stride", "groups", "three_dimensions")
_LAST = "four_dimensions"  # XLA:GPU ends the process, as cuDNN has three at most
_QUICK_DTYPES = (("float32", None), ("int8", "int32"))

_SMALL, _LARGE_IMAGE = (ConvGeometry((n, n), 3, padding=1) for n in (5, 28))
_SUMS = {
    "conv": Case("6147 terms", _SMALL, 683, 2),
    "conv_transpose": Case("6147 terms", _SMALL, 2, 683),
    "kernel_gradient": Case("6272 terms", _LARGE_IMAGE, 2, 3, 8),
}
_DEPTHWISE_SUM = Case("depthwise sums", _SMALL.with_groups(4), 1, 1)


@dataclasses.dataclass(frozen=True)
class Question:
    """One leg of a small problem in one dtype.

    Attributes:
        leg: which.
        case: the problem.
        dtype: of the operands.
        result: of the result, if it differs.
        sums: whether the operands are ones and large numbers.
    """

    leg: str
    case: Case
    dtype: str
    result: str | None = None
    sums: bool = False

    def __str__(self) -> str:
        return f"{self.leg} of '{self.case.name}' in {self.dtypes}"

    @property
    def dtypes(self) -> str:
        """In words."""
        return f"{self.dtype} -> {self.result}" if self.result else self.dtype


def questions(quick: bool) -> list[Question]:
    """All of them, in order of worth: first each leg, dtype and algorithm once, then depth.

    Args:
        quick: few of them.
    """
    cases = {one.name: one for one in CASES if all(0 not in shape for shape in one.shapes)}
    if quick:
        sums = [Question(leg, _DEPTHWISE_SUM, "bfloat16", None, True) for leg in LEGS]
        return [*_asked([cases[_FIRST[0]]], _QUICK_DTYPES), *sums]
    first = [cases[name] for name in _FIRST]
    others = [one for one in cases.values() if one not in first and one.name != _LAST]
    common, rare = DTYPES[:2], DTYPES[2:]
    return [
        *_asked(first[:2], DTYPES),
        *_sums(tuple(_LARGE)),
        *_asked(first[2:], DTYPES),
        *_asked(others, common),
        *_asked(others, rare),
        *_asked([cases[_LAST]], DTYPES),
    ]


def _asked(cases: Sequence[Case], dtypes: Sequence[tuple[str, str | None]]) -> Iterator[Question]:
    for case in cases:
        for dtype, result in dtypes:
            yield from (Question(leg, case, dtype, result) for leg in LEGS)


def _sums(dtypes: Sequence[str]) -> Iterator[Question]:
    for dtype in dtypes:
        for result in (None, "float32"):
            for leg, case in _SUMS.items():
                yield Question(leg, case, dtype, result, True)
                yield Question(leg, _DEPTHWISE_SUM, dtype, result, True)


def check(question: Question) -> list[dict[str, str]]:
    """Ask all algorithms that can compute it on JAX's default device.

    Returns:
        For each its name, what was found, and in what way it is not exact.
    """
    x64 = jax.enable_x64(True) if question.dtype == "float64" else contextlib.nullcontext()
    with x64:
        x, y, answer = _posed(question)
        operands = tuple(jnp.asarray(one).astype(question.dtype) for one in (x, y))
        case = question.case
        bench = BenchCase(
            case.name, "", case.geometry, case.in_channels, case.out_channels, case.batch
        )
        call = next(one for one in leg_calls(bench) if one.leg == question.leg)
        keywords = {**call.keywords, "preferred_element_type": question.result}
        plan = jaxdeconv.plan(question.leg, *operands, **keywords)
        functions = {
            one.algorithm: (
                functools.partial(LEGS[question.leg], **keywords, algorithm=one.algorithm),
                operands,
            )
            for one in plan.candidates
            if one.supported
        }
        programs, refused = compile_all(functions)
        found = {name: (REFUSED, why) for name, why in refused.items()}
        found |= {name: _judged(one.start, answer) for name, one in programs.items()}
    about = {"leg": question.leg, "case": case.name, "dtype": question.dtypes}
    return [
        {**about, "algorithm": name, "status": status, "message": message}
        for name, (status, message) in found.items()
    ]


def _judged(start: Any, answer: np.ndarray) -> tuple[str, str]:
    try:
        return compare(np.asarray(start()), answer)
    except Exception as error:  # the device refuses it while it runs
        return REFUSED, f"{type(error).__name__}: {error}"[:300]


def _posed(question: Question) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The operands as exact numbers, and the answer in the dtype of the result."""
    case, dtype = question.case, jnp.dtype(question.dtype)
    data = _ones(question) if question.sums else case.data(dtype)
    whole, is_complex = dtype.kind in "iu", dtype.kind == "c"
    wide = np.int64 if whole else np.complex128 if is_complex else np.float64
    x, y, exact = expected(question.leg, case, tuple(one.astype(wide) for one in data))
    if whole:
        return x, y, exact.astype(question.result or dtype)  # modulo 2^bits
    narrow = jnp.dtype(question.result or dtype)
    if narrow.itemsize < 4:  # exact in float32, hence rounded once
        exact = exact.astype(np.float32)
    return x, y, exact.astype(narrow)


def _ones(question: Question) -> tuple[np.ndarray, ...]:
    """v, w and u: ones; in what is summed over, the first and the last are large."""
    v, w, u = (np.ones(shape) for shape in question.case.shapes)
    large = _LARGE[question.dtype]
    by_group = w.reshape(*w.shape[:-1], question.case.geometry.groups, -1)  # a view
    if question.leg == "conv":
        w[0, 0, 0] = w[-1, -1, -1] = large
    elif question.leg == "conv_transpose":
        by_group[0, 0, ..., 0] = by_group[-1, -1, ..., -1] = large
    else:
        v[0, 1, 1] = v[-1, -2, -2] = large
    return v, w, u


def compare(got: np.ndarray, answer: np.ndarray) -> tuple[str, str]:
    """What is to be said of a result.

    A float result whose entries are integers but for less than a half, or than the spacing of its
    dtype, holds no wrong term, but its sums were not exact: Winograd's algorithm, or narrow sums.

    Args:
        got: the result.
        answer: the right one, in the right dtype.
    """
    try:
        check_equal(got, answer)
    except AssertionError as difference:
        message = str(difference)
    else:
        return EXACT, ""
    if got.dtype != answer.dtype or got.shape != answer.shape or answer.dtype.kind in "iub":
        return WRONG, message
    wide = np.complex128 if answer.dtype.kind == "c" else np.float64
    off = np.abs(got.astype(wide) - answer.astype(wide))
    spacing = np.abs(answer.astype(wide)) * float(jnp.finfo(answer.dtype).eps)
    near = bool((off < np.maximum(0.5, spacing)).all())  # false for NaN
    return (ROUNDED if near else WRONG), message


def tally(records: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """Per leg and algorithm: dtype -> status -> the number of problems."""
    counts: dict[tuple[str, str], dict[str, collections.Counter[str]]] = {}
    for one in records:
        by_dtype = counts.setdefault((one["leg"], one["algorithm"]), {})
        by_dtype.setdefault(one["dtype"], collections.Counter())[one["status"]] += 1
    return [
        {"leg": leg, "algorithm": name, "counts": {key: dict(n) for key, n in by_dtype.items()}}
        for (leg, name), by_dtype in sorted(counts.items())
    ]
