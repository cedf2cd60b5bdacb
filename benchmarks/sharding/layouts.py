"""Random legs and how their arrays lie on a mesh: `sensible` ones, and any."""

import dataclasses
import math
from typing import Any

import numpy as np
from jax.sharding import PartitionSpec

from jaxdeconv.geometry import ConvGeometry

MESHES = ({"x": 8}, {"x": 4, "y": 2}, {"x": 2, "y": 4}, {"x": 2, "y": 2, "z": 2})

MODES = ("zeros", "zeros", "circular", "reflect", "replicate", "symmetric")


@dataclasses.dataclass(frozen=True)
class Drawn:
    """A leg's arrays and how they lie.

    Attributes:
        geometry: of the forward convolution.
        padding_mode: what its padding holds.
        shapes: of canonical v, w and u.
        mesh: sizes of the mesh axes.
        specs: how the three lie.
    """

    geometry: ConvGeometry
    padding_mode: str
    shapes: dict[str, tuple[int, ...]]
    mesh: dict[str, int]
    specs: dict[str, PartitionSpec]

    @property
    def keywords(self) -> dict[str, Any]:
        """Those of every leg."""
        return self.geometry.keywords | {"padding_mode": self.padding_mode}


def draw(rng: np.random.Generator, sensible: bool) -> Drawn:
    """A leg of one to three dimensions whose arrays lie on a mesh of eight devices.

    Args:
        rng: where the choices come from.
        sensible: whether every mesh axis divides one role or none, alike in all arrays, and evenly.
    """
    mesh = MESHES[rng.integers(len(MESHES))]
    ndim = int(rng.integers(1, 4))
    groups = int(rng.choice([1, 1, 2, 8]))
    roles = ["batch", *(f"s{j}" for j in range(ndim)), "idle"]
    roles += ["groups"] if groups > 1 else ["in", "out"]
    role_of = {
        axis: str(rng.choice([r for r in roles if r != "groups" or groups % size == 0]))
        for axis, size in mesh.items()
    }
    axes = {role: tuple(a for a, r in role_of.items() if r == role) for role in roles}
    if math.prod(mesh[a] for a in axes.get("groups", ())) > groups:
        groups = 8
    parts = {role: math.prod(mesh[a] for a in names) for role, names in axes.items()}
    dims = [_dimension(rng, parts[f"s{j}"] if sensible else 1, ndim) for j in range(ndim)]
    size, kernel, stride, dilation, padding = zip(*dims, strict=True)
    geometry = ConvGeometry(size, kernel, stride, padding, dilation, groups)
    batch = parts["batch"] * int(rng.integers(1, 3)) if sensible else int(rng.choice([1, 2, 4, 8]))
    inner, outer = (
        parts.get(role, 1) * int(rng.integers(1, 3)) if sensible else int(rng.choice([1, 2, 4, 8]))
        for role in ("in", "out")
    )
    if groups > 1:
        inner, outer = int(rng.integers(1, 3)), int(rng.integers(1, 3))
    shapes = {
        "v": (batch, *geometry.input_size, groups * inner),
        "w": (*geometry.kernel_size, inner, groups * outer),
        "u": (batch, *geometry.output_size, groups * outer),
    }
    if sensible:
        specs = _sensible(axes, ndim)
    else:
        specs = {role: _any_spec(rng, shape, mesh) for role, shape in shapes.items()}
    mode = str(rng.choice(MODES))
    return Drawn(geometry, mode, shapes, mesh, specs)


def _dimension(rng: np.random.Generator, parts: int, ndim: int) -> tuple[Any, ...]:
    """Size, kernel, stride, dilation and padding of one dimension.

    If it is divided, v and u into equal blocks.
    """
    while True:
        kernel = int(rng.integers(1, 5 if ndim < 3 else 4))
        stride, dilation = int(rng.choice([1, 1, 2, 3])), int(rng.choice([1, 1, 2]))
        low, high = (int(rng.choice([-1, 0, 0, 1, 1, 2, 4])) for _ in range(2))
        size = parts * int(rng.integers(1, 5)) if parts > 1 else int(rng.integers(3, 17))
        if size + min(low, 0) + min(high, 0) < 1:
            continue
        output = ConvGeometry(size, kernel, stride, ((low, high),), dilation).output_size[0]
        if output and output % parts == 0:
            return size, kernel, stride, dilation, (low, high)


def _sensible(axes: dict[str, tuple[str, ...]], ndim: int) -> dict[str, PartitionSpec]:
    space = [axes[f"s{j}"] or None for j in range(ndim)]
    batch, groups = axes["batch"] or None, axes.get("groups") or None
    inner, outer = axes.get("in") or groups, axes.get("out") or groups
    return {
        "v": PartitionSpec(batch, *space, inner),
        "w": PartitionSpec(*[None] * ndim, axes.get("in") or None, outer),
        "u": PartitionSpec(batch, *space, outer),
    }


def _any_spec(
    rng: np.random.Generator, shape: tuple[int, ...], mesh: dict[str, int]
) -> PartitionSpec:
    """Each mesh axis divides any axis of the array that it divides evenly, or none."""
    spec: list[tuple[str, ...]] = [() for _ in shape]
    left = [*shape]
    for axis, size in mesh.items():
        dim = int(rng.choice([*(d for d, n in enumerate(left) if n % size == 0), -1]))
        if dim >= 0:
            spec[dim] += (axis,)
            left[dim] //= size
    return PartitionSpec(*(axes or None for axes in spec))
