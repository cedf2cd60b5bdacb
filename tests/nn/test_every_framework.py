"""What holds in all four frameworks: the layers are K and K^T, exactly, with their gradients."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdeconv import ConvGeometry, verify
from jaxdeconv.reference import derived, forward
from tests.nn.shells import SHELLS, parameters
from tests.support.cases import CASES, Case
from tests.support.checks import check_conv, check_equal, check_transpose

BY_NAME = {case.name: case for case in CASES}
SOME = [
    BY_NAME[name]
    for name in ("stride", "groups_dilated", "asymmetric_padding", "depthwise", "three_dimensions")
]
MODES = [
    ("circular", Case("circular", ConvGeometry((6, 5), 3, stride=2, padding=1))),
    ("reflect", Case("reflect", ConvGeometry((5, 6), (3, 2), padding=((1, 2), (0, 1)), groups=2))),
    ("replicate", Case("replicate", ConvGeometry(7, 3, stride=3, dilation=2, padding=2))),
    ("symmetric", Case("symmetric", ConvGeometry(7, 4, stride=2, padding=((3, 1),)))),
]
frameworks = pytest.mark.parametrize("shell", SHELLS.values(), ids=SHELLS)
modes = pytest.mark.parametrize(("mode", "case"), MODES, ids=[mode for mode, _ in MODES])
some = pytest.mark.parametrize("case", SOME, ids=lambda case: case.name)


def _pair(shell: Any, case: Case, **keywords: Any) -> tuple[Any, Any]:
    """The layers without biases, v -> u and u -> v, with the kernel of the case."""
    keywords = case.keywords | keywords
    kernel = {"kernel": case.data()[1]}
    down = shell(False, case, bias=False, **keywords)
    up = shell(True, case, bias=False, input_size=case.geometry.input_size, **keywords)
    return (lambda v: down(kernel, v)), (lambda u: up(kernel, u))


FAST = [
    "stride",
    "kernel_smaller_than_stride",
    "dilation_and_stride",
    "asymmetric_padding",
    "negative_padding",
    "causal",
    "groups",
    "groups_of_one_input",
    "four_dimensions",
    "no_dimensions",
    "empty_batch",
]
ALL = [
    pytest.param(case, id=case.name, marks=() if case.name in FAST else pytest.mark.slow)
    for case in CASES
    if min(case.geometry.output_size, default=1) > 0  # the forward layer refuses an empty result
]


@frameworks
@pytest.mark.parametrize("case", ALL)
def test_layers_are_the_convolution_and_its_transpose(shell: Any, case: Case) -> None:
    down, up = _pair(shell, case)
    check_conv(lambda v, _w, _geometry: down(v), case)
    check_transpose(lambda u, _w, _geometry: up(u), case)


@frameworks
@modes
def test_padding_modes(shell: Any, mode: str, case: Case) -> None:
    """The transpose of the layer itself, by JAX: the border is folded back, not cropped."""
    down, up = _pair(shell, case, padding_mode=mode)
    v, _, u = case.data()
    (expected,) = jax.linear_transpose(down, v)(u)
    check_equal(up(u), expected)


@frameworks
@some
def test_transpose_is_that_of_the_forward_layer(shell: Any, case: Case) -> None:
    down, up = _pair(shell, case)
    verify.assert_adjoint(down, up, jax.ShapeDtypeStruct(case.shapes[0], "float32"), key=0)


@frameworks
@pytest.mark.parametrize("shift", [0, 1])
def test_a_shifted_transpose_is_found(shell: Any, shift: int) -> None:
    """The check above can fail."""
    case = BY_NAME["stride"]
    down, up = _pair(shell, case)
    domain = jax.ShapeDtypeStruct(case.shapes[0], "float32")
    report = verify.adjoint(down, lambda u: jnp.roll(up(u), shift, 1), domain, key=0)
    assert report.ok == (shift == 0)


@frameworks
@some
def test_gradients(shell: Any, case: Case) -> None:
    """Of kernel, bias and inputs, in both layers, against the derived definition."""
    v, _, u = case.data()
    for transposed, x, y in ((False, v, u), (True, u, v)):
        size = {"input_size": case.geometry.input_size} if transposed else {}
        layer = shell(transposed, case, **size, **case.keywords)
        definition = derived.transpose if transposed else forward.conv

        def expected(
            params: Any, x: Any, definition: Any = definition, geometry: Any = case.geometry
        ) -> jax.Array:
            result = definition(x, params["kernel"], geometry)
            return result + jnp.broadcast_to(params["bias"], result.shape)

        params = jax.tree.map(jnp.asarray, parameters(transposed, case))
        got, got_vjp = jax.vjp(jax.jit(layer), params, jnp.asarray(x))
        want, want_vjp = jax.vjp(expected, params, jnp.asarray(x))
        check_equal(got, want)
        jax.tree.map(check_equal, got_vjp(jnp.asarray(y)), want_vjp(jnp.asarray(y)))


@frameworks
@pytest.mark.parametrize("padding", ["SAME", "SAME_LOWER", "VALID", "CAUSAL", 1, ((2, 0),)])
@pytest.mark.parametrize("extra", [None, 0, 1])
def test_output_padding_names_the_size(shell: Any, padding: Any, extra: int | None) -> None:
    """Every size that `output_padding` can name is one that the forward layer maps to u."""
    case = Case("names", ConvGeometry(9, 3, stride=2, padding=padding, dilation=2))
    settings = case.keywords | {"padding": padding}
    u, kernel = case.data()[2], {"kernel": case.data()[1]}
    got = shell(True, case, bias=False, output_padding=extra, **settings)(kernel, u)
    size = got.shape[1]
    named = isinstance(padding, str) and padding != "VALID"
    if extra is None and named:
        assert size == 2 * u.shape[1]
    else:
        smallest = next(n for n in range(1, 30) if _forward(case, padding, n) == u.shape[1])
        assert size == smallest + (extra or 0)
    down = shell(False, case, bias=False, **settings)
    (expected,) = jax.linear_transpose(lambda v: down(kernel, v), got)(u)
    check_equal(got, expected)


def _forward(case: Case, padding: Any, size: int) -> int:
    """Output size of the forward map; 0 where there is none."""
    geometry = case.geometry
    try:
        return ConvGeometry(
            size,
            geometry.kernel_size,
            stride=geometry.stride,
            padding=padding,
            dilation=geometry.dilation,
        ).output_size[0]
    except ValueError:
        return 0


@frameworks
def test_mask_multiplies_the_kernel(shell: Any) -> None:
    """In values and gradients: a masked tap is zero and stays zero."""
    case = BY_NAME["groups"]
    v, w, u = case.data()
    mask = np.arange(w.size).reshape(w.shape) % 3 > 0
    shaped = np.moveaxis(mask, (-1, -2), (0, 1)) if shell is SHELLS["equinox"] else mask
    for transposed, x in ((False, v), (True, u)):
        masked = shell(transposed, case, mask=shaped, **case.keywords)
        plain = shell(transposed, case, **case.keywords)
        params = parameters(transposed, case)
        check_equal(masked(params, x), plain(params | {"kernel": w * mask}, x))
        gradient = jax.grad(lambda p, f=masked, x=x: jnp.square(f(p, x)).sum())(params)
        assert bool((gradient["kernel"] == 0)[~mask].all())
        assert bool((gradient["kernel"] != 0)[mask].any())


@frameworks
def test_mask_of_another_shape(shell: Any) -> None:
    case = BY_NAME["plain"]
    mask = np.ones((2, 3), bool)
    with pytest.raises(ValueError, match="mask must have the shape of the kernel"):
        shell(True, case, mask=mask)(parameters(True, case), case.data()[2])


@frameworks
def test_vmap_is_a_batch(shell: Any) -> None:
    case = BY_NAME["stride"]
    layer = shell(True, case, input_size=case.geometry.input_size, **case.keywords)
    params, u = parameters(True, case), case.data()[2]
    over = jax.vmap(lambda x: layer(params, x[None])[0])(u)
    check_equal(over, layer(params, u))
