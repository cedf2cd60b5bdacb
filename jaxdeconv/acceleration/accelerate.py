"""accelerate: any JAX function, its convolutions computed by the fast algorithms."""

import collections
import functools
import sys
import types
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Generic, ParamSpec, TypeVar

import jax
import numpy as np

from jaxdeconv.acceleration import nnx_modules
from jaxdeconv.acceleration import rules as rules
from jaxdeconv.acceleration.platforms import (
    DEFAULT,
    Platforms,
    as_platforms,
    default_platform,
    platform_of,
)
from jaxdeconv.acceleration.rewrite import has_convolutions, rewrite
from jaxdeconv.acceleration.staging import stage
from jaxdeconv.errors import ArgumentTypeError, reporting
from jaxdeconv.planning import measuring

__all__ = ["accelerate"]

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

REMEMBERED = 64
"""How many signatures are remembered, per function, for which it has no convolution."""


@reporting
def accelerate(
    fun: Callable[Parameters, Result],
    *,
    platforms: str | Sequence[str] = DEFAULT,
    autotune: bool = False,
) -> Callable[Parameters, Result]:
    """The same function, with each convolution in it computed by our fast algorithms.

    Every call traces `fun`, as `jax.grad` and `jax.vmap` do, and replaces every
    `jax.lax.conv_general_dilated`, whichever framework calls it: plain, strided, grouped, depthwise
    and dilated-input (transposed) convolutions, those for which the program inserts the zeros
    itself (`jax.lax.pad` with interior padding, `.at[::2].set`), and the gradients of all these by
    autodiff; inside jit, scan, while, cond, remat, custom derivatives, vmap and shard_map, at any
    depth. Everything else stays as it is: effects and their order, random keys, references, donated
    and static arguments. So wrap an unmodified training step where it is compiled:

        step = jax.jit(accelerate(step))                      # Optax, Haiku, Linen: pytrees
        state = TrainState.create(apply_fn=accelerate(model.apply), ...)           # or Linen's own
        step = nnx.jit(accelerate(step))                      # Flax NNX: changed in place
        step = eqx.filter_jit(accelerate(step))               # Equinox: leaves of any kind
        model.train_step = accelerate(model.train_step)       # Keras on JAX, before model.fit

    Likewise for `eqx.filter_value_and_grad(loss)`, an NNX module (`accelerate(model)(x)`) or its
    method. Keras has `predict_step` and `test_step` too.

    A compiled function can be accelerated as well, `accelerate(jax.jit(step))`, but then each call
    pays for a trace, even if JAX caches most of it: `jax.jit(accelerate(step))` is faster.

    Args:
        fun: any function that JAX can trace. It may be compiled, differentiated or mapped, and so
            may the result. Arrays among the arguments are traced; other leaves (Python numbers,
            strings, functions), including static arguments of a compiled `fun`, reach it as they
            are. Modules of Flax NNX among the arguments are changed in place, as by `fun` itself;
            those that `fun` closes over must not change.
        platforms: where convolutions are replaced: 'cpu', 'gpu' (or 'cuda', 'rocm'), 'tpu'. This is
            decided when a program is lowered, so one program may be compiled or exported for
            several. On all other platforms the program stays as it is. On GPUs and TPUs those
            convolutions are replaced that are predicted to gain a tenth or more: above all
            transposed ones, whose zeros XLA would multiply, and their kernel gradients. That is
            known from compiled programs and not measured.
        autotune: whether to measure, when a program is compiled, what is predicted otherwise: the
            algorithms of every leg, and XLA's own convolution where that may be as fast. As in
            `jaxdeconv.autotuning`, which says what is not measured, and which switches it on, too.

    Returns:
        A function with the same signature and the same results up to rounding: equal structure,
        shapes, dtypes, weak types and effects. Zeros that the program inserts are never multiplied,
        so they make no NaN of a NaN or infinity in the kernel. It can be pickled and copied if
        `fun` can.

    Raises:
        TypeError: `fun` is not callable, or `autotune` is not a bool.
        ValueError: an unknown platform; or, when called, `fun` changes modules of Flax NNX that it
            closes over.

    These stay as they are, and `inspect` lists them with the reason: convolutions of dtypes that we
    do not support (float8), symbolic spatial sizes, and those that XLA is predicted to compute
    faster. On accelerators also those that XLA divides among devices (`jaxdeconv.sharding`).

    Cost: one trace of `fun` per call, unless the call itself is traced (so compile the result);
        some milliseconds per convolution when it is first seen. From the second call on, a function
        without convolutions is called directly.

    Example:
        >>> import jax.numpy as jnp
        >>> def upsample(x, kernel):
        ...     return jax.lax.conv_transpose(x, kernel, (2,), "SAME")
        >>> x, kernel = jnp.ones((1, 3, 1)), jnp.arange(4.0).reshape(4, 1, 1)
        >>> accelerate(upsample)(x, kernel).ravel().tolist()
        [2.0, 4.0, 2.0, 4.0, 2.0, 1.0]
        >>> upsample(x, kernel).ravel().tolist()
        [2.0, 4.0, 2.0, 4.0, 2.0, 1.0]
        >>> "conv_general_dilated" in str(jax.make_jaxpr(accelerate(upsample))(x, kernel))
        False
    """
    if not callable(fun):
        raise ArgumentTypeError(
            "fun must be callable", "Pass the function itself, not its result.", fun=fun
        )
    if not isinstance(autotune, bool):
        raise ArgumentTypeError(
            "autotune must be a bool", "Pass True or leave it out.", autotune=autotune
        )
    return Accelerated(fun, as_platforms(platforms), autotune)


class Accelerated(Generic[Parameters, Result]):
    """What `accelerate` returns.

    Attributes:
        platforms: where convolutions are replaced.
        autotune: whether legs are measured even outside of `autotuning`.
    """

    __wrapped__: Callable[Parameters, Result]

    def __init__(
        self, fun: Callable[Parameters, Result], platforms: tuple[str, ...], autotune: bool = False
    ) -> None:
        functools.update_wrapper(self, fun, updated=())
        kind = type(fun).__name__  # for callable objects; JAX names programs by `__name__`
        self.__name__ = getattr(fun, "__name__", kind)
        self.__qualname__ = getattr(fun, "__qualname__", kind)
        self.platforms = platforms
        self.autotune = autotune
        self._without: collections.OrderedDict[Hashable, None] = collections.OrderedDict()

    def __call__(self, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        """Call the function, its convolutions computed by our algorithms."""
        platforms = Platforms(self.platforms, self.autotune or measuring.is_on())
        with platforms.traced():
            return self._call(platforms, *args, **kwargs)

    def _call(
        self, platforms: Platforms, *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Result:
        fun, given, named = nnx_modules.unbound(self.__wrapped__, args, kwargs)
        signature = _signature(given, named)
        if signature is not None and (
            signature in self._without or _is_elsewhere(given, named, self.platforms)
        ):
            return self.__wrapped__(*args, **kwargs)  # nothing to replace: no trace to pay for
        with nnx_modules.explained(fun), nnx_modules.functionalised(fun, given, named) as call:
            staged = stage(call.fun, call.args, call.kwargs)
            program = staged.jaxpr
            if signature is None or _is_traced(program.consts) or has_convolutions(program.jaxpr):
                program = rewrite(program, platforms, staged.constant)
            else:
                _remember(self._without, signature)
            result: Result = call.finish(staged.result(program))
        return result

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """A method, where it is defined in a class."""
        return self if instance is None else types.MethodType(self, instance)

    def __repr__(self) -> str:
        others = "" if self.platforms == DEFAULT else f", platforms={self.platforms}"
        others += ", autotune=True" if self.autotune else ""
        return f"accelerate({self.__qualname__}{others})"

    def __reduce__(self) -> Any:
        """Pickle by name if this object has replaced the function that it wraps (a decorator)."""
        found: Any = sys.modules.get(getattr(self, "__module__", ""))
        for name in getattr(self, "__qualname__", "").split("."):
            found = getattr(found, name, None)
        if found is self:
            return self.__qualname__
        again = functools.partial(accelerate, platforms=self.platforms, autotune=self.autotune)
        return again, (self.__wrapped__,)


def _is_elsewhere(args: Any, kwargs: Any, platforms: tuple[str, ...]) -> bool:
    """Whether a call that is not being traced would run on none of these platforms."""
    if default_platform() in platforms:
        return False
    arrays = (x for x in jax.tree.leaves((args, kwargs)) if isinstance(x, jax.Array))
    return not any(platform_of(d) in platforms for x in arrays for d in x.devices())


def _remember(without: collections.OrderedDict[Hashable, None], signature: Hashable) -> None:
    without[signature] = None
    if len(without) > REMEMBERED:
        without.popitem(last=False)


def _signature(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Hashable | None:
    """Shapes and dtypes of the arrays, and the other leaves.

    None if they cannot be compared, or if the call is being traced: it may be differentiated, and a
    derivative rule (of `jax.custom_vjp`) may have convolutions even if the function has none.
    """
    leaves, tree = jax.tree.flatten((args, kwargs))
    if _is_traced(leaves) or nnx_modules.has_modules(args, kwargs):
        return None
    described = (
        (leaf.shape, leaf.dtype) if isinstance(leaf, jax.Array | np.ndarray) else (type(leaf), leaf)
        for leaf in leaves
    )
    signature = (tree, *described)
    try:
        hash(signature)
    except TypeError:
        return None
    return signature


def _is_traced(leaves: Sequence[Any]) -> bool:
    return any(isinstance(leaf, jax.core.Tracer) for leaf in leaves)
