"""Richardson-Lucy against its formula in NumPy and scikit-image; failures are reported."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from skimage import restoration

from jaxdeconv.operators import ConvergenceWarning, ConvOperator, richardson_lucy
from tests.operators.support import matrix_of

RNG = np.random.default_rng(0)
W = RNG.random((3, 3, 1, 1)).astype(np.float32)
K = ConvOperator(W, (9, 8, 1), stride=2, padding=((1, 0), (1, 1)))
U = RNG.random(K.output_shape).astype(np.float32)


def test_is_the_formula() -> None:
    matrix, v = matrix_of(K), np.full(K.shape[1], 0.5)
    observed = matrix.sum(axis=0)
    assert (observed == 0).any()  # what is not observed keeps its initial value
    for _ in range(7):
        back = matrix.T @ (U.ravel() / (matrix @ v))
        v = v * np.where(observed > 0, back / np.where(observed > 0, observed, 1), 1)
    start = np.full(K.input_shape, 0.5, np.float32)
    found = richardson_lucy(K, U, start=start, tolerance=0.0, max_steps=7)
    assert int(found.steps) == 7
    np.testing.assert_allclose(found.value.ravel(), v, rtol=1e-4)
    flat = richardson_lucy(K, U.ravel(), start=start, tolerance=0.0, max_steps=7)
    np.testing.assert_allclose(flat.value, v, rtol=1e-4)


def test_equals_scikit_image_inside() -> None:
    """Theirs omits K^T 1; with a normalised kernel that matters only at the border."""
    image = RNG.random((24, 24)).astype(np.float32)
    psf = W[..., 0, 0] / W.sum()
    theirs = restoration.richardson_lucy(image, psf, num_iter=3, clip=False)
    flipped = jnp.asarray(psf[::-1, ::-1, None, None].copy())
    same = ConvOperator(flipped, (24, 24, 1), padding=1)
    start = np.full((24, 24, 1), 0.5, np.float32)
    ours = richardson_lucy(same, image[..., None], start=start, tolerance=0.0, max_steps=3).value
    np.testing.assert_allclose(ours[8:-8, 8:-8, 0], theirs[8:-8, 8:-8], rtol=1e-4)
    assert np.abs(ours[..., 0] - theirs).max() > 0.01


def test_likelihood_never_falls_and_border_is_right() -> None:
    v = jnp.ones(K.input_shape)
    found = richardson_lucy(K, K @ v, tolerance=1e-5, max_steps=50)
    observed = np.asarray(K.T @ jnp.ones(K.output_shape)) > 0
    np.testing.assert_allclose(np.asarray(found.value)[observed], 1, rtol=1e-4)

    def loss(v):
        mean = K @ v
        return float(jnp.sum(mean - U * jnp.log(mean)))

    with pytest.warns(ConvergenceWarning, match="stopped before its tolerance"):
        losses = [
            loss(richardson_lucy(K, U, tolerance=1e-7, max_steps=n).value) for n in (1, 2, 4, 8)
        ]
    assert losses == sorted(losses, reverse=True)


def test_batch_and_callback() -> None:
    seen = []
    batch = jnp.stack([U, 2 * U])
    found = richardson_lucy(
        K, batch, tolerance=0.0, max_steps=3, callback=lambda *progress: seen.append(progress)
    )
    jax.effects_barrier()
    assert len(seen) == 6
    np.testing.assert_allclose(found.value[1], 2 * found.value[0], rtol=1e-4)


def test_failures_are_reported() -> None:
    for wrong in (-U, np.where(U > 0.5, np.nan, U)):
        with pytest.warns(ConvergenceWarning, match="not finite: NaN, or negative numbers"):
            assert np.isnan(richardson_lucy(K, wrong).value).all()


@pytest.mark.parametrize(
    ("wrong", "error", "text"),
    [
        (lambda: richardson_lucy(K, U[1:]), ValueError, "u must end in the axes"),
        (lambda: richardson_lucy(K, U, start=U), ValueError, "start must end in the axes"),
        (lambda: richardson_lucy(K, U, max_steps=0), ValueError, "max_steps must be at least 1"),
        (lambda: richardson_lucy(K, U, tolerance=2), ValueError, "tolerance must lie between"),
        (lambda: richardson_lucy(W, U), TypeError, "K must be a linear map of real floating"),
    ],
)
def test_refused(wrong, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as raised:
        wrong()
    assert text in str(raised.value)
