"""scico: `A(v)` and `A.adj(u)`."""

import importlib
import warnings
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.verification.field.operator import Operator

__all__ = ["operators"]


def operators() -> Iterator[Operator]:
    """Each linear operator in float32, some in complex64."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the import alone
        linop: Any = importlib.import_module("scico.linop")
        xray: Any = importlib.import_module("scico.linop.xray")
    for name, op in (*_real(linop), *_complex(linop), *_rays(xray)):
        (shape, dtype) = op.input_shape, jnp.dtype(op.input_dtype)
        domain = jax.ShapeDtypeStruct(shape, dtype)
        yield Operator(f"{name} {dtype}", "scico", op, op.adj, domain)


def _real(linop: Any) -> Iterator[tuple[str, Any]]:
    rng = np.random.default_rng(0)
    w = jnp.asarray(rng.standard_normal((3, 5)), jnp.float32)
    image = (16, 20)
    yield (
        "MatrixOperator",
        linop.MatrixOperator(jnp.asarray(rng.standard_normal((12, 9)), jnp.float32)),
    )
    yield "Convolve full", linop.Convolve(w, image)
    yield "Convolve same", linop.Convolve(w, image, mode="same")
    yield "Convolve valid", linop.Convolve(w, image, mode="valid")
    yield (
        "ConvolveByX",
        linop.ConvolveByX(jnp.asarray(rng.standard_normal(image), jnp.float32), (3, 5)),
    )
    yield "CircularConvolve", linop.CircularConvolve(w, image)
    yield "CircularConvolve 64 x 64", linop.CircularConvolve(w, (64, 64))
    yield "FiniteDifference", linop.FiniteDifference(image, append=0)
    yield "FiniteDifference circular", linop.FiniteDifference(image, circular=True)
    yield "SingleAxisFiniteDifference", linop.SingleAxisFiniteDifference(image, axis=1)
    yield "Diagonal", linop.Diagonal(jnp.asarray(rng.standard_normal(image), jnp.float32))
    yield "Identity", linop.Identity(image)
    yield "ScaledIdentity", linop.ScaledIdentity(2.3, image)
    yield "Sum", linop.Sum(image, axis=0)
    yield "Crop", linop.Crop(((1, 2), (0, 3)), image)
    yield "Pad", linop.Pad(image, ((1, 2), (0, 3)))
    yield "Slice", linop.Slice(np.s_[1:9:2, ::3], image)
    yield "Reshape", linop.Reshape(image, (20, 16))
    yield "Transpose", linop.Transpose(image, (1, 0))
    yield "ProjectedGradient", linop.ProjectedGradient(image)
    yield "PolarGradient", linop.PolarGradient(image)
    yield (
        "VerticalStack",
        linop.VerticalStack((linop.Identity(image), linop.Convolve(w, image, mode="same"))),
    )
    yield "DiagonalStack", linop.DiagonalReplicated(linop.Convolve(w, image), 3)
    yield "composed", linop.Sum((18, 24), axis=1) @ linop.Convolve(w, image)


def _complex(linop: Any) -> Iterator[tuple[str, Any]]:
    rng = np.random.default_rng(1)
    w = jnp.asarray(rng.standard_normal((3, 5)) + 1j * rng.standard_normal((3, 5)), jnp.complex64)
    yield "DFT", linop.DFT((15, 12))
    yield "DFT padded", linop.DFT((15, 12), axes=(0, 1), axes_shape=(20, 16))
    yield "Convolve full", linop.Convolve(w, (16, 20), input_dtype=np.complex64)
    yield "CircularConvolve", linop.CircularConvolve(w, (16, 20), input_dtype=np.complex64)


def _rays(xray: Any) -> Iterator[tuple[str, Any]]:
    angles = np.linspace(0, np.pi, 9, endpoint=False)
    yield "XRayTransform2D", xray.XRayTransform2D((12, 13), angles)
