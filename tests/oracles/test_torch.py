"""Random geometries against PyTorch in float64, with integer values so that `==` must hold.

All three legs and both gradients of K^T. PyTorch has no asymmetric padding, so v is padded
explicitly before its conv, and the result of its unpadded conv_transpose is cropped.

    pytest tests/oracles/test_torch.py --geometries 1000
"""

from typing import Any

import jax
import numpy as np
import pytest

from jaxdeconv import ConvGeometry, conv, conv_transpose, kernel_gradient
from tests.support.cases import Case
from tests.support.checks import check_equal

torch = pytest.importorskip("torch")
functional = torch.nn.functional

CONV = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
CONV_TRANSPOSE = {
    1: functional.conv_transpose1d,
    2: functional.conv_transpose2d,
    3: functional.conv_transpose3d,
}
WEIGHT_GRADIENT = {
    1: torch.nn.grad.conv1d_weight,
    2: torch.nn.grad.conv2d_weight,
    3: torch.nn.grad.conv3d_weight,
}


def draw(seed: int) -> Case:
    """A geometry of 1 to 3 dimensions with everything random."""
    rng = np.random.default_rng([2026, seed])
    ndim = int(rng.integers(1, 4))
    kernel, stride = rng.integers(1, 5, ndim), rng.integers(1, 5, ndim)
    dilation = rng.integers(1, 4, ndim)
    padding = rng.integers(-1, 4, (ndim, 2))
    span = dilation * (kernel - 1) + 1
    least = np.maximum(2, span - padding.sum(1))
    size = least + rng.integers(0, 7 if ndim < 3 else 4, ndim)
    groups, in_channels, out_channels, batch = (int(rng.integers(1, high)) for high in (4, 4, 4, 3))
    geometry = ConvGeometry(
        tuple(size), tuple(kernel), tuple(stride), padding.tolist(), tuple(dilation), groups
    )
    return Case(f"random_{seed}", geometry, in_channels, out_channels, batch)


def to_torch(x: np.ndarray) -> Any:
    """Channels last -> channels first."""
    return torch.tensor(np.ascontiguousarray(np.moveaxis(x, -1, 1)))


def from_torch(x: Any) -> np.ndarray:
    return np.moveaxis(x.detach().numpy(), 1, -1)


def kernel_to_torch(w: np.ndarray) -> Any:
    """[*kernel, in/groups, out] -> [out, in/groups, *kernel], for both of torch's functions."""
    return torch.tensor(np.ascontiguousarray(np.moveaxis(w, (-1, -2), (0, 1))))


def kernel_from_torch(w: Any) -> np.ndarray:
    return np.moveaxis(w.detach().numpy(), (0, 1), (-1, -2))


def by_torch(case: Case, v: np.ndarray, w: np.ndarray, u: np.ndarray) -> list[np.ndarray]:
    """K v, K^T u, G(u, v), and the gradients of <v, K^T u> in u and in w."""
    geometry = case.geometry
    ndim = geometry.ndim
    settings = {
        "stride": geometry.stride,
        "dilation": geometry.dilation,
        "groups": geometry.groups,
    }
    pads = [int(p) for pair in reversed(geometry.padding) for p in pair]
    v_t, w_t, u_t = to_torch(v), kernel_to_torch(w), to_torch(u)
    padded = functional.pad(v_t, pads)
    kv = CONV[ndim](padded, w_t, **settings)
    gradient = WEIGHT_GRADIENT[ndim](padded, w_t.shape, u_t, **settings)
    u_t.requires_grad_()
    w_t.requires_grad_()
    smallest = [
        (o - 1) * s + k
        for o, s, k in zip(
            geometry.output_size, geometry.stride, geometry.dilated_kernel_size, strict=True
        )
    ]
    extra = [n - m for n, m in zip(geometry.padded_size, smallest, strict=True)]
    canvas = CONV_TRANSPOSE[ndim](u_t, w_t, output_padding=extra, **settings)
    ktu = functional.pad(canvas, [-p for p in pads])
    (ktu * v_t).sum().backward()
    return [
        from_torch(kv),
        from_torch(ktu),
        kernel_from_torch(gradient),
        from_torch(u_t.grad),
        kernel_from_torch(w_t.grad),
    ]


def ours(case: Case):
    """The same five arrays from the public functions, in one compilation."""

    def five(v: jax.Array, w: jax.Array, u: jax.Array):
        def transpose(u: jax.Array, w: jax.Array) -> jax.Array:
            return conv_transpose(u, w, input_size=case.geometry.input_size, **case.keywords)

        ktu, pull_back = jax.vjp(transpose, u, w)
        gradient = kernel_gradient(u, v, kernel_size=case.geometry.kernel_size, **case.keywords)
        return conv(v, w, **case.keywords), ktu, gradient, *pull_back(v)

    return jax.jit(five)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(metafunc.config.getoption("geometries")))


@pytest.mark.usefixtures("x64")
def test_random_geometry(seed: int) -> None:
    case = draw(seed)
    data = case.data(np.float64, seed)
    for got, expected in zip(ours(case)(*data), by_torch(case, *data), strict=True):
        check_equal(got, expected)


def test_draw_covers_what_it_claims() -> None:
    """Every feature occurs often among the first hundred geometries."""
    drawn = [draw(seed).geometry for seed in range(100)]
    features = {
        "1-D": lambda g: g.ndim == 1,
        "2-D": lambda g: g.ndim == 2,
        "3-D": lambda g: g.ndim == 3,
        "groups": lambda g: g.groups > 1,
        "dilation": lambda g: max(g.dilation) > 1,
        "output_padding": lambda g: max(g.output_padding) > 0,
        "asymmetric": lambda g: any(low != high for low, high in g.padding),
        "negative": lambda g: any(min(pair) < 0 for pair in g.padding),
        "kernel < stride": lambda g: any(
            k < s for k, s in zip(g.kernel_size, g.stride, strict=True)
        ),
    }
    for name, holds in features.items():
        assert sum(map(holds, drawn)) >= 10, name
