"""Use in each framework: the same numbers, and no stock convolution left."""

import functools
from collections.abc import Callable
from typing import Any

import equinox
import haiku
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen, nnx
from flax.training.train_state import TrainState

from jaxdeconv.acceleration import accelerate, inspect
from jaxdeconv.acceleration.rewrite import convolutions
from tests.support.processes import printed_on

X = jnp.asarray(np.random.default_rng(0).normal(size=(2, 5, 4)), jnp.float32)
TARGET = jnp.asarray(np.random.default_rng(1).normal(size=(2, 10, 1)), jnp.float32)
RULE = optax.sgd(0.1, momentum=0.9)


def check_close(got: Any, expected: Any) -> None:
    """Same structure, types and, up to rounding, numbers."""
    assert jax.tree.structure(got) == jax.tree.structure(expected)
    for one, other in zip(*map(jax.tree.leaves, (got, expected)), strict=True):
        assert type(one) is type(other)
        if isinstance(one, jax.Array):
            assert jax.typeof(one) == jax.typeof(other)
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


def check_nothing_left(fun: Callable[..., Any], *args: Any) -> None:
    """The convolution and both gradients are found, and all are replaced."""
    found = inspect(fun, *args)
    assert len(found.replaced) >= 3
    assert not found.left


def functional_step(apply: Callable[[Any, Any], Any]) -> Any:
    """A training step as users of Linen, Haiku and Optax write it."""

    def step(parameters: Any, state: Any, x: jax.Array, target: jax.Array) -> Any:
        def loss(parameters: Any) -> jax.Array:
            return ((apply(parameters, x) - target) ** 2).mean()

        value, gradients = jax.value_and_grad(loss)(parameters)
        updates, state = RULE.update(gradients, state)
        return optax.apply_updates(parameters, updates), state, value

    return step


# --- Linen and Haiku


class LinenModel(linen.Module):
    @linen.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        x = linen.relu(linen.ConvTranspose(3, (4,), (2,))(x))
        return linen.Conv(1, (3,))(x)


@haiku.without_apply_rng
@haiku.transform
def haiku_model(x: jax.Array) -> jax.Array:
    x = jax.nn.relu(haiku.Conv1DTranspose(3, 4, 2)(x))
    return haiku.Conv1D(1, 3)(x)


@pytest.mark.parametrize("model", [LinenModel(), haiku_model], ids=["linen", "haiku"])
def test_functions_of_parameters(model: Any) -> None:
    step = functional_step(model.apply)
    parameters = model.init(jax.random.key(0), X)
    args = parameters, RULE.init(parameters), X, TARGET
    expected = jax.jit(step)(*args)
    check_close(jax.jit(accelerate(step))(*args), expected)
    check_close(accelerate(jax.jit(step))(*args), expected)
    check_nothing_left(step, *args)


def test_a_train_state() -> None:
    """Accelerate the step, or the function that the state applies."""
    model = LinenModel()
    parameters = model.init(jax.random.key(0), X)

    def step(state: TrainState, x: jax.Array, target: jax.Array) -> TrainState:
        loss = lambda parameters: ((state.apply_fn(parameters, x) - target) ** 2).mean()  # noqa: E731
        return state.apply_gradients(grads=jax.grad(loss)(state.params))

    def state(apply: Callable[..., Any]) -> TrainState:
        return TrainState.create(apply_fn=apply, params=parameters, tx=RULE)

    expected = jax.jit(step)(state(model.apply), X, TARGET)
    for got in (
        jax.jit(accelerate(step))(state(model.apply), X, TARGET),
        jax.jit(step)(state(accelerate(model.apply)), X, TARGET),
    ):
        check_close(got.params, expected.params)
    check_nothing_left(step, state(model.apply), X, TARGET)


# --- Keras, on its JAX backend


KERAS = """
import os
os.environ["KERAS_BACKEND"] = "jax"
import keras, numpy as np
from jaxdeconv.acceleration import accelerate
from jaxdeconv.acceleration.accelerated import accelerated_p

def losses(change):
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential([
        layers.Input((5, 4)), layers.Conv1DTranspose(3, 4, 2, padding="same"),
        layers.BatchNormalization(), layers.ReLU(), layers.Conv1D(1, 3, padding="same")])
    model.compile("adam", "mse")
    change(model)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(8, 5, 4)), rng.normal(size=(8, 10, 1))
    seen = model.fit(x, y, 4, epochs=3, shuffle=False, verbose=0)
    return seen.history["loss"], model.predict(x, verbose=0)

lowered = []
bind = accelerated_p.bind
def counting(*args, **params):
    lowered.append(params["excerpt"])
    return bind(*args, **params)

def fast(model):
    accelerated_p.bind = counting
    model.train_step = accelerate(model.train_step)
    model.predict_step = accelerate(model.predict_step)

(expected, values), (got, fast_values) = losses(lambda model: None), losses(fast)
np.testing.assert_allclose(got, expected, rtol=1e-5)
np.testing.assert_allclose(fast_values, values, atol=1e-3)  # Adam magnifies rounding
print(len(lowered) >= 3, expected[-1] < expected[0])
"""


def test_keras() -> None:
    """One assignment before `fit`: the same losses, and every convolution of a step is a leg."""
    assert printed_on(1, KERAS).split() == ["True", "True"]


# --- Equinox


class EquinoxModel(equinox.Module):
    up: equinox.nn.ConvTranspose
    last: equinox.nn.Conv1d
    activation: Callable[[jax.Array], jax.Array]
    name: str

    def __init__(self) -> None:
        first, second = jax.random.split(jax.random.key(0))
        self.up = equinox.nn.ConvTranspose1d(4, 3, 4, 2, padding=1, key=first)
        self.last = equinox.nn.Conv1d(3, 1, 3, padding=1, key=second)
        self.activation, self.name = jax.nn.relu, "a leaf that is not an array"

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.last(self.activation(self.up(x)))


def equinox_step(model: EquinoxModel, state: Any, x: jax.Array, target: jax.Array) -> Any:
    @equinox.filter_value_and_grad
    def loss(model: EquinoxModel) -> jax.Array:
        return ((jax.vmap(model)(x) - target) ** 2).mean()

    value, gradients = loss(model)
    updates, state = RULE.update(gradients, state)
    return equinox.apply_updates(model, updates), state, value


def test_modules_that_are_pytrees_with_leaves_of_any_kind() -> None:
    model = EquinoxModel()
    state = RULE.init(equinox.filter(model, equinox.is_inexact_array))
    args = model, state, X.transpose(0, 2, 1), TARGET.transpose(0, 2, 1)
    expected = equinox.filter_jit(equinox_step)(*args)
    check_close(equinox.filter_jit(accelerate(equinox_step))(*args), expected)
    check_close(accelerate(equinox.filter_jit(equinox_step))(*args), expected)
    check_nothing_left(equinox_step, *args)
    assert expected[0].name == model.name


def test_a_transformed_function_raises_no_warning() -> None:
    """Equinox warns of some transformed callables in its modules; warnings are errors here."""

    def loss(model: EquinoxModel, x: jax.Array) -> jax.Array:
        return (jax.vmap(model)(x) ** 2).mean()

    model, x = EquinoxModel(), X.transpose(0, 2, 1)
    gradient = equinox.filter_value_and_grad(loss)
    check_close(equinox.filter_jit(accelerate(gradient))(model, x), gradient(model, x))


# --- Flax NNX


class NnxModel(nnx.Module):
    def __init__(self) -> None:
        rngs = nnx.Rngs(0, dropout=1)
        self.up = nnx.ConvTranspose(4, 3, (4,), (2,), rngs=rngs)
        self.norm = nnx.BatchNorm(3, rngs=rngs)
        self.dropout = nnx.Dropout(0.2, rngs=rngs)
        self.last = nnx.Conv(3, 1, (3,), rngs=rngs)
        self.calls = 0

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.last(self.dropout(nnx.relu(self.norm(self.up(x)))))


def nnx_step(model: NnxModel, optimizer: nnx.Optimizer, x: jax.Array, t: jax.Array) -> Any:
    value, gradients = nnx.value_and_grad(lambda model: ((model(x) - t) ** 2).mean())(model)
    optimizer.update(model, gradients)
    return value


def nnx_objects() -> tuple[NnxModel, nnx.Optimizer]:
    model = NnxModel()
    return model, nnx.Optimizer(model, RULE, wrt=nnx.Param)


def pure(step: Callable[..., Any]) -> Callable[..., Any]:
    """The same by `nnx.split` and `nnx.merge`: arrays in, arrays out."""

    def change(model: NnxModel, optimizer: nnx.Optimizer, *batch: jax.Array) -> Any:
        definition, state = nnx.split((model, optimizer))

        @jax.jit
        @step
        def moved(state: Any, *batch: jax.Array) -> Any:
            objects = nnx.merge(definition, state)
            value = nnx_step(*objects, *batch)
            return value, nnx.state(objects)

        value, state = moved(state, *batch)
        nnx.update((model, optimizer), state)
        return value

    return change


@pytest.mark.parametrize(
    "accelerated",
    [
        nnx.jit(accelerate(nnx_step)),
        accelerate(nnx.jit(nnx_step)),
        accelerate(nnx_step),
        pure(accelerate),
    ],
    ids=["nnx.jit(accelerate)", "accelerate(nnx.jit)", "accelerate", "split and merge"],
)
def test_objects_that_are_changed_in_place(accelerated: Callable[..., Any]) -> None:
    """Parameters, statistics, the optimiser's state and the random stream change alike."""
    expected, got = nnx_objects(), nnx_objects()
    stock = nnx.jit(nnx_step)
    for _ in range(2):
        check_close(accelerated(*got, X, TARGET), stock(*expected, X, TARGET))
    for one, other in zip(got, expected, strict=True):
        check_close(nnx.to_pure_dict(_numbers(one)), nnx.to_pure_dict(_numbers(other)))


def test_nothing_is_left_in_a_step_of_objects() -> None:
    check_nothing_left(nnx_step, *nnx_objects(), X, TARGET)


def test_modules_and_methods_that_are_called() -> None:
    """A module, its method, a step with its objects bound: their states change."""
    calls = (
        accelerate,
        lambda model: accelerate(model.__call__),
        lambda model: accelerate(functools.partial(NnxModel.__call__, model)),
    )
    for call in calls:
        got, expected = NnxModel(), NnxModel()
        for _ in range(2):
            check_close(call(got)(X), expected(X))
        check_close(nnx.to_pure_dict(_numbers(got)), nnx.to_pure_dict(_numbers(expected)))
    objects, expected = nnx_objects(), nnx_objects()
    value = accelerate(functools.partial(nnx_step, *objects))(X, TARGET)
    check_close(value, nnx_step(*expected, X, TARGET))
    assert len(inspect(NnxModel(), X).replaced) == 2


def test_a_module_that_is_closed_over_must_not_change() -> None:
    model, optimizer = nnx_objects()
    programs: tuple[Callable[[jax.Array], Any], ...] = (
        lambda x: 2 * model(x),
        lambda x: nnx_step(model, optimizer, x, TARGET),
    )
    for program in programs:
        for call in (accelerate(program), functools.partial(inspect, program)):
            with pytest.raises(ValueError) as error:
                call(X)
            rule = "fun must not change modules of Flax NNX that it closes over; got fun="
            assert str(error.value).partition(": ")[2].startswith(rule)
            remedy = "Pass them as arguments: accelerate(lambda model, x: model(x))(model, x)."
            assert str(error.value).endswith(remedy)


def _numbers(module: Any) -> Any:
    """The state, random keys as their bits."""
    state = nnx.state(module)
    return jax.tree.map(
        lambda x: jax.random.key_data(x) if jnp.issubdtype(x.dtype, jax.dtypes.prng_key) else x,
        state,
    )


# --- the checks themselves


def test_the_check_notices_wrong_numbers() -> None:
    right = jnp.ones(3)
    check_close((right, "a"), (right + 1e-7, "a"))
    for wrong in (right * 1.001, right.astype(jnp.bfloat16), right[:2]):
        with pytest.raises(AssertionError):
            check_close((wrong, "a"), (right, "a"))


def test_stock_programs_hold_convolutions() -> None:
    model = LinenModel()
    parameters = model.init(jax.random.key(0), X)
    program = jax.make_jaxpr(model.apply)(parameters, X)
    assert len(list(convolutions(program.jaxpr))) == 2
