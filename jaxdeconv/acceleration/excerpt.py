"""A convolution with the equations directly around it that only move numbers and insert zeros.

A layer may insert zeros itself (`lax.pad` with interior padding, `.at[::2].set`), flip its kernel
before the convolution, or use every second entry of the result; autodiff adds the transposes of all
these. By itself, the convolution then multiplies by zeros or computes entries that are not used. So
it is cut out of the program together with those equations, as a function of two arrays.
"""

import dataclasses
import functools
from typing import Any, TypeAlias

import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.extend.core import Primitive
from jax.extend.core import primitives as p

__all__ = ["Constant", "Excerpt", "Source", "Step"]


@dataclasses.dataclass(frozen=True)
class Constant:
    """An array that is known while tracing.

    Attributes:
        shape: its axes.
        dtype: its type.
        data: its bytes; b'' for zeros.
    """

    # Bytes, because an excerpt must be hashable: it is a parameter of a primitive, and the key
    # under which its merged form is remembered.

    shape: tuple[int, ...]
    dtype: np.dtype
    data: bytes = b""

    @property
    def value(self) -> np.ndarray:
        """The numbers."""
        if not self.data:
            return np.zeros(self.shape, self.dtype)
        return np.frombuffer(self.data, self.dtype).reshape(self.shape)

    def array(self) -> Array:
        """The same for JAX; zeros are not stored in the program."""
        return jnp.asarray(self.value) if self.data else jnp.zeros(self.shape, self.dtype)


Source: TypeAlias = int | Constant
"""Where an operand comes from: 0 and 1 are the excerpt's two arrays, 2 + i is the result of step i,
and everything else is constant."""


@dataclasses.dataclass(frozen=True)
class Step:
    """One equation.

    Attributes:
        primitive: what it applies.
        params: its parameters.
        sources: of its operands.
        shape: of its result.
        dtype: of its result.
    """

    primitive: Primitive
    params: tuple[tuple[str, Any], ...]
    sources: tuple[Source, ...]
    shape: tuple[Any, ...]
    dtype: np.dtype

    @property
    def arrays(self) -> tuple[int, ...]:
        """Sources of the operands that are not constant."""
        return tuple(one for one in self.sources if isinstance(one, int))

    def __getitem__(self, name: str) -> Any:
        return dict(self.params)[name]

    def __call__(self, *operands: Any) -> Array:
        """The equation, applied."""
        # lax.pad, unlike a bare bind, makes the zero vary over the mesh axes that x varies over,
        # as shard_map demands.
        if self.primitive is p.pad_p:
            x, zero = operands
            return lax.pad(x, zero, self["padding_config"])
        result: Array = self.primitive.bind(*operands, **dict(self.params))
        return result


@dataclasses.dataclass(frozen=True)
class Excerpt:
    """Some equations of a program: a bilinear function of two arrays, with one convolution.

    Attributes:
        shapes: of the two arrays.
        dtypes: of the two arrays.
        steps: the equations, in order; the last one's result is the function's.
    """

    shapes: tuple[tuple[Any, ...], tuple[Any, ...]]
    dtypes: tuple[np.dtype, np.dtype]
    steps: tuple[Step, ...]

    @functools.cached_property
    def place(self) -> int:
        """The index of the convolution among the steps."""
        kinds = [step.primitive for step in self.steps]
        return kinds.index(p.conv_general_dilated_p)

    def alone(self) -> "Excerpt":
        """Its convolution, without the other equations."""
        step = self.steps[self.place]
        avals = [
            (self.shapes[one], self.dtypes[one])
            if one < len(self.shapes)
            else (self.steps[one - 2].shape, self.steps[one - 2].dtype)
            for one in step.arrays
        ]
        (x, x_dtype), (y, y_dtype) = avals
        return Excerpt((x, y), (x_dtype, y_dtype), (dataclasses.replace(step, sources=(0, 1)),))

    def __repr__(self) -> str:
        names = [step.primitive.name for step in self.steps]
        names[self.place] = "convolution"
        x, y, result = (
            f"[{','.join(map(str, shape))}]" for shape in (*self.shapes, self.steps[-1].shape)
        )
        return f"{self.dtypes[0]}{x} * {y} -> {result} by {', '.join(names)}"

    def __call__(self, x: Array, y: Array) -> Array:
        """The function, as the program computes it."""
        known = [x, y]
        for step in self.steps:
            operands = (
                source.array() if isinstance(source, Constant) else known[source]
                for source in step.sources
            )
            known.append(step(*operands))
        return known[-1]
