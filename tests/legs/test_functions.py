"""The public functions: one trilinear form, under every transformation and dtype of JAX."""

from typing import Any

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxdeconv import conv, conv_transpose, kernel_gradient
from jaxdeconv.reference import coordinates
from tests.support.cases import CASES, Case, integers
from tests.support.checks import check_equal, exact_inner_product

FLOATING = ("float16", "bfloat16", "float32", "float64", "complex64", "complex128")
INTEGER = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
FEW = [case for case in CASES if case.name in ("stride", "groups_dilated", "asymmetric_padding")]
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
few_cases = pytest.mark.parametrize("case", FEW, ids=lambda case: case.name)


def legs(case: Case, **more: Any) -> tuple[Any, Any, Any]:
    """K, K^T and G of a case, as functions of two arrays."""
    size, kernel = case.geometry.input_size, case.geometry.kernel_size
    keywords = case.keywords | more
    return (
        lambda v, w: conv(v, w, **keywords),
        lambda u, w: conv_transpose(u, w, input_size=size, **keywords),
        lambda u, v: kernel_gradient(u, v, kernel_size=kernel, **keywords),
    )


@each_case
def test_one_trilinear_form(case: Case) -> None:
    """<u, K(w) v> == <K(w)^T u, v> == <w, G(u, v)>, and each is the matrix's answer."""
    v, w, u = case.data()
    k, kt, g = legs(case)
    if case.name != "empty_u":  # refused by conv, see test_bad_inputs
        check_equal(k(v, w), coordinates.conv(v, w, case.geometry))
    check_equal(kt(u, w), coordinates.transpose(u, w, case.geometry))
    check_equal(g(u, v), coordinates.kernel_gradient(u, v, case.geometry))
    form = exact_inner_product(u, coordinates.conv(v, w, case.geometry))
    assert form == exact_inner_product(kt(u, w), v) == exact_inner_product(w, g(u, v))


class Variants(chex.TestCase):
    """The legs with and without jit, on and off the device."""

    @chex.variants(with_jit=True, without_jit=True, with_device=True, without_device=True)
    def test_same_numbers(self) -> None:
        for case in FEW:
            v, w, u = case.data()
            k, kt, g = map(self.variant, legs(case))
            check_equal(k(v, w), coordinates.conv(v, w, case.geometry))
            check_equal(kt(u, w), coordinates.transpose(u, w, case.geometry))
            check_equal(g(u, v), coordinates.kernel_gradient(u, v, case.geometry))


@few_cases
@pytest.mark.parametrize("in_axes", [(0, None), (None, 0), (0, 0), (1, -1)], ids=str)
def test_vmap_over_any_argument(case: Case, in_axes: tuple[int | None, int | None]) -> None:
    v, w, u = case.data()
    for leg, x, y in zip(legs(case), (v, u, u), (w, w, v), strict=True):
        stacks = [
            a if axis is None else np.stack([a, 2 * a, a[::-1]], axis)
            for a, axis in zip((x, y), in_axes, strict=True)
        ]
        one_by_one = [
            leg(
                *(
                    a if axis is None else np.take(a, i, axis)
                    for a, axis in zip(stacks, in_axes, strict=True)
                )
            )
            for i in range(3)
        ]
        check_equal(jax.jit(jax.vmap(leg, in_axes))(*stacks), jnp.stack(one_by_one))


@pytest.mark.slow
@few_cases
@pytest.mark.usefixtures("x64")
def test_derivatives_to_second_order(case: Case) -> None:
    v, w, u = (x.astype(np.float64) for x in case.data())
    for leg, x, y in zip(legs(case), (v, u, u), (w, w, v), strict=True):
        check_grads(jax.jit(leg), (x, y), order=2, modes=("fwd", "rev"))


@few_cases
def test_derivatives_are_the_other_legs(case: Case) -> None:
    v, w, u = case.data()
    k, kt, g = legs(case)
    check_equal(jax.vjp(k, v, w)[1](u)[0], kt(u, w))
    check_equal(jax.vjp(k, v, w)[1](u)[1], g(u, v))
    check_equal(jax.vjp(kt, u, w)[1](v)[0], k(v, w))
    check_equal(jax.vjp(kt, u, w)[1](v)[1], g(u, v))
    check_equal(jax.vjp(g, u, v)[1](w)[0], k(v, w))
    check_equal(jax.vjp(g, u, v)[1](w)[1], kt(u, w))
    _, tangent = jax.jvp(kt, (u, w), (2 * u, 3 * w))
    check_equal(tangent, 5 * kt(u, w))


@few_cases
@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.complex64])
def test_linear_transpose(case: Case, dtype: type) -> None:
    """Of every leg in both arguments: the other two legs, for integers as well."""
    v, w, u = map(jnp.asarray, case.data(dtype))
    k, kt, g = legs(case)
    for leg, first, second, over_first, over_second in (
        (k, v, w, lambda u: kt(u, w), lambda u: g(u, v)),
        (kt, u, w, lambda v: k(v, w), lambda v: g(u, v)),
        (g, u, v, lambda w: k(v, w), lambda w: kt(u, w)),
    ):
        out = leg(first, second)
        (got,) = jax.linear_transpose(lambda x, leg=leg, y=second: leg(x, y), first)(out)
        check_equal(got, over_first(out))
        (got,) = jax.linear_transpose(lambda y, leg=leg, x=first: leg(x, y), second)(out)
        check_equal(got, over_second(out))


def test_scan_remat_and_linearize() -> None:
    case = FEW[0]
    v, w, u = case.data()
    k, kt, _ = legs(case)

    def step(carry: Any, _: None) -> tuple[Any, None]:
        return jax.checkpoint(lambda v: kt(k(v, w), w))(carry), None

    scanned, _ = jax.lax.scan(step, jnp.asarray(v), length=2)
    check_equal(scanned, kt(k(kt(k(v, w), w), w), w))
    value, push = jax.linearize(lambda v: k(v, w), v)
    check_equal(push(v), value)
    loss = jax.grad(lambda v: jax.checkpoint(k)(v, w).sum())(v)
    check_equal(loss, kt(jnp.ones_like(u), w))


def test_export_with_a_symbolic_batch() -> None:
    case = FEW[0]
    v, w, u = case.data()
    (batch,) = jax.export.symbolic_shape("b")
    for leg, x, fixed in zip(legs(case)[:2], (v, u), (w, w), strict=True):
        struct = jax.ShapeDtypeStruct((batch, *x.shape[1:]), x.dtype)
        exported = jax.export.export(jax.jit(lambda x, leg=leg, y=fixed: leg(x, y)))(struct)
        for rows in (1, 2):
            check_equal(exported.call(x[:rows]), leg(x[:rows], fixed))


@few_cases
@pytest.mark.parametrize("dtype", FLOATING + INTEGER)
@pytest.mark.usefixtures("x64")
def test_dtypes(case: Case, dtype: str) -> None:
    """The result has the operands' dtype, and is exact where the numbers fit."""
    v, w, u = (jnp.asarray(x).astype(dtype) for x in case.data(np.dtype(dtype)))
    k, kt, g = legs(case)
    wide = "int64" if "int" in dtype else "complex128"
    arrays = [np.asarray(x).astype(wide) for x in (v, w, u)]
    expected = (
        coordinates.conv(arrays[0], arrays[1], case.geometry),
        coordinates.transpose(arrays[2], arrays[1], case.geometry),
        coordinates.kernel_gradient(arrays[2], arrays[0], case.geometry),
    )
    for got, exact in zip((k(v, w), kt(u, w), g(u, v)), expected, strict=True):
        rounded = exact if "complex" in dtype or "int" in dtype else exact.real
        check_equal(got, rounded.astype(dtype))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_types_accumulate_in_float32(dtype: str) -> None:
    """A sum of 5000 ones sticks at 256 (bfloat16) or 2048 (float16) if formed in the half type."""
    ones = jnp.ones((5000, 1), dtype)
    w = jnp.ones((5000, 1, 1), dtype)
    expected = jnp.full((), 5000, dtype)
    assert conv(ones, w).ravel().tolist() == [expected]
    assert conv_transpose(ones[:1], w).dtype == ones.dtype
    many = jnp.ones((1, 5000), dtype)
    pointwise = jnp.ones((1, 3, 5000), dtype)
    assert conv_transpose(many, pointwise).ravel().tolist() == [expected] * 3
    assert kernel_gradient(ones, ones, kernel_size=(1,)).ravel().tolist() == [expected]
    gradient = jax.grad(lambda w: conv(ones, w).sum().astype(jnp.float32))(
        jnp.ones((1, 1, 1), dtype)
    )
    assert gradient.ravel().tolist() == [expected]
    assert gradient.dtype == ones.dtype


@pytest.mark.parametrize(
    ("dtype", "preferred"),
    [("int8", "int32"), ("uint8", "int32"), ("bfloat16", "float32"), ("float32", "float64")],
)
@pytest.mark.usefixtures("x64")
def test_preferred_element_type(dtype: str, preferred: str) -> None:
    """Products of full-range values, which the narrow type could not hold."""
    case = FEW[0]
    data = [40 * x if "int" in dtype else 100.5 * x for x in case.data(np.int64)]
    v, w, u = (jnp.asarray(np.abs(x) if dtype == "uint8" else x).astype(dtype) for x in data)
    wide = [x.astype(preferred) for x in (v, w, u)]
    pairs = ((0, 1), (2, 1), (2, 0))
    narrow_legs = legs(case, preferred_element_type=preferred)
    for leg, wide_leg, (i, j) in zip(narrow_legs, legs(case), pairs, strict=True):
        check_equal(leg((v, w, u)[i], (v, w, u)[j]), wide_leg(wide[i], wide[j]))


def test_int8_is_modulo_256_unless_told() -> None:
    v, w = jnp.full((3, 1), 100, jnp.int8), jnp.ones((3, 1, 1), jnp.int8)
    assert conv(v, w).ravel().tolist() == [300 - 256]
    assert conv(v, w, preferred_element_type=jnp.int32).ravel().tolist() == [300]


@pytest.mark.usefixtures("x32")
def test_numpy_float64_follows_jax() -> None:
    v, w = integers((5, 1), np.float64), integers((3, 1, 1), np.float32)
    assert conv(v, w).dtype == jnp.float32


def test_weak_types_take_the_other_dtype() -> None:
    v = jax.lax.broadcast(2.0, (5, 1))
    assert jax.typeof(v).weak_type
    w = jnp.ones((3, 1, 1), jnp.bfloat16)
    u = conv(v, w)
    assert u.dtype == jnp.bfloat16
    assert not jax.typeof(u).weak_type
    count = jax.lax.broadcast(2, (5, 1))
    assert conv(count, w).dtype == jnp.bfloat16


def test_precision_reaches_the_convolution() -> None:
    v, w = jnp.ones((1, 5, 8)), jnp.ones((3, 8, 8))
    jaxpr = jax.jit(lambda v: conv(v, w, precision="highest")).lower(v).as_text()
    assert "HIGHEST" in jaxpr
    back = lambda u: conv_transpose(u, w, precision=("highest", "default"))  # noqa: E731
    assert "HIGHEST" in jax.jit(back).lower(v).as_text()


def test_algorithm_derived_is_the_definition() -> None:
    case = FEW[0]
    _, w, u = case.data()
    size = case.geometry.input_size
    got = conv_transpose(u, w, input_size=size, algorithm="derived", **case.keywords)
    check_equal(got, coordinates.transpose(u, w, case.geometry))


@pytest.mark.parametrize("algorithm", ["auto", "overlap_add"])
def test_bfloat16_in_another_layout(algorithm: str) -> None:
    """Channels first, no batch: transpositions next to the product (a fault of XLA:CPU)."""
    u, w = jnp.ones((4, 5), jnp.bfloat16), jnp.ones((4, 4, 3), jnp.bfloat16)
    v = conv_transpose(u, w, dimension_numbers=("NCH", "OIH", "NCH"), algorithm=algorithm)
    expected = np.broadcast_to(4.0 * np.convolve(np.ones(5), np.ones(3)), (4, 7))
    np.testing.assert_array_equal(v.astype(np.float32), expected)
