"""Photographs of scikit-image, cut into patches, and noise."""

import functools

import numpy as np
import skimage.color
import skimage.data

from examples.unet.settings import Settings

TRAINING = ("astronaut", "camera", "coffee", "rocket", "hubble_deep_field", "brick", "page")
HELD_OUT = "chelsea"
"""The cat, which no training step sees."""


@functools.cache
def photograph(name: str) -> np.ndarray:
    """`(height, width, 1)` float32 in 0..1, grey."""
    image = getattr(skimage.data, name)()
    grey = skimage.color.rgb2gray(image) if image.ndim == 3 else image / 255.0
    return grey[..., None].astype(np.float32)


def batch(settings: Settings, step: int) -> tuple[np.ndarray, np.ndarray]:
    """The patches of a step, noisy and clean, each `(batch, size, size, 1)`.

    A function of the seed and the step alone, so that a resumed run sees the same patches.
    """
    rng = np.random.default_rng((settings.seed, step))
    clean = np.stack([_patch(rng, settings.size) for _ in range(settings.batch)])
    return _noisy(rng, clean, settings.noise), clean


def held_out(settings: Settings) -> tuple[np.ndarray, np.ndarray]:
    """Noisy and clean: the held-out photograph, cropped to 256 pixels, `(1, 256, 256, 1)`."""
    clean = photograph(HELD_OUT)[None, 20:276, 100:356]
    return _noisy(np.random.default_rng(settings.seed), clean, settings.noise), clean


def psnr(image: np.ndarray, clean: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB, of images in 0..1."""
    return float(-10 * np.log10(np.mean((np.asarray(image) - clean) ** 2)))


def _patch(rng: np.random.Generator, size: int) -> np.ndarray:
    """From anywhere in any training photograph, randomly rotated and flipped."""
    image = photograph(TRAINING[rng.integers(len(TRAINING))])
    top, left = (rng.integers(n - size + 1) for n in image.shape[:2])
    patch = np.rot90(image[top : top + size, left : left + size], rng.integers(4))
    return patch[:, ::-1] if rng.integers(2) else patch


def _noisy(rng: np.random.Generator, clean: np.ndarray, deviation: float) -> np.ndarray:
    noise = rng.standard_normal(clean.shape, np.float32)
    return clean + np.float32(deviation) * noise
