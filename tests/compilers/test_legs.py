"""The planned legs, compiled for an H100: no zeros, no wider dtype, no loops, no slower than stock.

All programs are compiled by one process. Where the compiler is not installed, the reason of the
skip says so. The same for a TPU is slow, and runs at night.
"""

import functools
import math

import jax
import pytest

from benchmarks.cases import BenchCase
from benchmarks.compiled.compiling import compiled
from benchmarks.compiled.forms import Form, forms
from benchmarks.compiled.problems import NAMED
from benchmarks.compiled.report import Record, Report
from benchmarks.legs import leg_calls
from jaxdeconv import plan
from jaxdeconv.compilers.tally import Tally
from jaxdeconv.compilers.targets import find
from tests.compilers.test_compiling import at_hand

NAMES = (
    "U-Net k2 s2",
    "DCGAN k4 s2",
    "StyleGAN k3 s2",
    "FCN k64 s32",
    "depthwise k4 s2",
    "32 groups k4 s2",
    "dilation 2 s2",
    "vocoder k16 s8",
    "ISTFT k1024 s256",
    "V-Net 3-D k2 s2",
    "depthwise k3",
    "ResNeXt 32 groups",
    "ViT k16 s16",
    "1 channel k4 s2",
)
CASES = [case for case in NAMED if case.name in NAMES]
LETTERS = {"float32": "f32", "bfloat16": "bf16", "float16": "f16"}
LEGS = {"K": "conv", "K^T": "conv_transpose", "G": "kernel_gradient"}


@functools.cache
def everything() -> dict[tuple[str, str], list[tuple[BenchCase, Form, Tally]]]:
    """By dtype and column: every form, compiled."""
    jobs = [
        (case, form, dtype)
        for dtype in LETTERS
        for case in CASES
        for form in forms(case)
        if form.column in LEGS or dtype == "bfloat16"
    ]
    tallies = compiled([(form, dtype) for _, form, dtype in jobs], find("h100"))
    found: dict[tuple[str, str], list[tuple[BenchCase, Form, Tally]]] = {}
    for (case, form, dtype), tally in zip(jobs, tallies, strict=True):
        found.setdefault((dtype, form.column), []).append((case, form, tally))
    return found


def ours(dtype: str, column: str) -> list[tuple[BenchCase, Tally]]:
    return [(c, t) for c, form, t in everything()[dtype, column] if form.who == "ours"]


on_an_h100 = at_hand("cuda")
every_variant = pytest.mark.every_variant
every_leg = pytest.mark.parametrize("column", LEGS)
every_dtype = pytest.mark.parametrize("dtype", LETTERS)


@on_an_h100
@every_variant
@every_dtype
@every_leg
def test_the_kernels(column: str, dtype: str) -> None:
    for case, tally in ours(dtype, column):
        what = f"{column} of {case.name} in {dtype}: {tally.kernels}"
        assert tally.launches <= 12, what
        assert all(one.times == 1 for one in tally.kernels), what  # no loop
        products = [one for one in tally.kernels if one.flops]
        most = 1.35 if dtype == "float16" else 1.2  # XLA pads 21 channels to 24 for cuDNN
        assert sum(one.flops for one in products) <= most * case.flops, what
        assert {one.dtype for one in products} <= {LETTERS[dtype]}, what


@on_an_h100
@every_variant
@every_dtype
def test_cudnns_backward_kernels_are_found(dtype: str) -> None:
    found = 0
    for column, kind in (("K^T", "cuDNN dgrad"), ("G", "cuDNN wgrad")):
        for case, tally in ours(dtype, column):
            geometry = case.geometry
            sizes = zip(geometry.kernel_size, geometry.output_size, strict=True)
            plain = geometry.groups == 1 and max(geometry.dilation) == 1 < max(geometry.stride)
            if plain and all(k <= o for k, o in sizes) and is_native(case, column, dtype):
                assert kind in {one.kind for one in tally.kernels}, (case.name, column)
                found += 1
    assert found >= 8


def is_native(case: BenchCase, column: str, dtype: str) -> bool:
    return planned(case, column, dtype).algorithm == "native"


def planned(case: BenchCase, column: str, dtype: str):
    call = next(one for one in leg_calls(case) if one.leg == LEGS[column])
    x, y = (jax.ShapeDtypeStruct(shape, dtype) for shape in call.shapes)
    return plan(call.leg, x, y, platform="cuda", **call.keywords)


@on_an_h100
@every_variant
@pytest.mark.parametrize(
    ("dtype", "column"),
    [
        *((dtype, column) for dtype in LETTERS for column in LEGS),
        ("bfloat16", "step K"),
        ("bfloat16", "step K^T"),
    ],
)
def test_no_slower_than_stock(dtype: str, column: str) -> None:
    records = [
        Record("h100", case.name, column, form.who, dtype, tally.seconds, 0, 0, 0, 0)
        for case, form, tally in everything()[dtype, column]
    ]
    ratios = Report(records).ratios(dtype, column)
    assert set(ratios) == set(NAMES)
    worst = max(ratios, key=ratios.__getitem__)
    assert ratios[worst] <= 1.1, (worst, ratios[worst])
    assert math.prod(ratios.values()) < 1


@on_an_h100
@every_variant
@every_dtype
@every_leg
def test_the_plan_predicts_what_is_compiled(column: str, dtype: str) -> None:
    """Within a third on the average, within a half nearly everywhere."""
    logarithms = []
    for case, tally in ours(dtype, column):
        chosen = planned(case, column, dtype)
        seconds = {one.algorithm: one.seconds for one in chosen.candidates}[chosen.algorithm]
        logarithms.append(abs(math.log(seconds / tally.seconds)))
        assert logarithms[-1] < math.log(2), (case.name, seconds, tally.seconds)
    assert sum(logarithms) / len(logarithms) < math.log(4 / 3)


@at_hand("tpu")
@pytest.mark.slow
@pytest.mark.parametrize("column", LEGS)
def test_no_slower_than_stock_on_a_tpu(column: str) -> None:
    """By the cycles that XLA:TPU estimates."""
    names = ("ISTFT k1024 s256", "ViT k16 s16", "32 groups k4 s2", "depthwise k3", "DCGAN k4 s2")
    jobs = [
        (case, form)
        for case in NAMED
        for form in forms(case)
        if case.name in names and form.column == column
    ]
    tallies = compiled([(form, "bfloat16") for _, form in jobs], find("v5e"))
    records = [
        Record("v5e", case.name, column, form.who, "bfloat16", tally.seconds, 0, 0, 0, 0)
        for (case, form), tally in zip(jobs, tallies, strict=True)
    ]
    ratios = Report(records).ratios("bfloat16", column)
    assert set(ratios) == set(names)
    assert max(ratios.values()) <= 1.1, ratios
    if column != "K":
        assert math.prod(ratios.values()) < 0.5
