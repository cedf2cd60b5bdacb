"""Steps, checkpoints, resuming: an interrupted run ends with the same numbers as another."""

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
from flax import nnx
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from examples.unet import data
from examples.unet.network import OURS, UNet
from examples.unet.settings import Settings


@dataclasses.dataclass
class Learner:
    """A network with its optimiser.

    Attributes:
        merge: arrays -> (model, optimizer).
        arrays: the arrays of both, in a list: flattening a Flax tree takes milliseconds.
        advance: (arrays, noisy, clean) -> (arrays, loss), compiled; consumes the arrays.
    """

    merge: Callable[[list[jax.Array]], tuple[UNet, nnx.Optimizer[UNet]]]
    arrays: list[jax.Array]
    advance: Callable[..., tuple[list[jax.Array], jax.Array]]

    @property
    def model(self) -> UNet:
        """The network as it is now."""
        return self.merge([jnp.copy(array) for array in self.arrays])[0]

    def step(self, noisy: np.ndarray, clean: np.ndarray) -> jax.Array:
        """Make one step of the optimiser; return the loss before it."""
        self.arrays, loss = self.advance(self.arrays, noisy, clean)
        return loss


def learner(settings: Settings, layers: Any = OURS, parameters: Any = None) -> Learner:
    """A network on these layers, with given parameters or with those of the seed."""
    model = UNet(settings, layers, nnx.Rngs(settings.seed))
    if parameters is not None:
        nnx.update(model, parameters)
    optimizer = nnx.Optimizer(model, optax.adam(settings.learning_rate), wrt=nnx.Param)
    graph, state = nnx.split((model, optimizer))
    arrays, structure = jax.tree.flatten(state)

    def merge(arrays: list[jax.Array]) -> Any:
        return nnx.merge(graph, jax.tree.unflatten(structure, arrays))

    @functools.partial(jax.jit, donate_argnums=0)
    def advance(arrays: list[jax.Array], noisy: jax.Array, clean: jax.Array) -> Any:
        model, optimizer = merge(arrays)
        loss, gradient = nnx.value_and_grad(lambda m: jnp.square(m(noisy) - clean).mean())(model)
        optimizer.update(model, gradient)
        return jax.tree.leaves(nnx.state((model, optimizer))), loss

    return Learner(merge, arrays, advance)


def train(
    settings: Settings, directory: Path, after: Callable[[int], None] | None = None
) -> tuple[UNet, np.ndarray]:
    """Train from the last checkpoint in `directory`, or from the start, to the end.

    Args:
        settings: of the run; the same as in the directory, if it has any.
        directory: where the checkpoints are.
        after: called with the number of steps done, after each.

    Returns:
        The network, and the loss of every step.

    Raises:
        ValueError: the directory holds a run with other settings.
    """
    settings.claim(directory)
    learning = learner(settings)
    losses = np.zeros(settings.steps, np.float32)
    options = ocp.CheckpointManagerOptions(max_to_keep=2, enable_async_checkpointing=False)
    with ocp.CheckpointManager((directory / "checkpoints").resolve(), options=options) as manager:
        done = manager.latest_step() or 0
        if done:
            saved = manager.restore(done, args=ocp.args.StandardRestore(_tree(learning, losses)))
            learning.arrays = saved["arrays"]
            losses = np.array(saved["losses"])
        with _progress() as progress:
            bar = progress.add_task("training", total=settings.steps, completed=done, loss="")
            for step in range(done, settings.steps):
                losses[step] = learning.step(*data.batch(settings, step))
                progress.update(bar, advance=1, loss=f"loss {losses[step]:.5f}")
                if (step + 1) % settings.checkpoint_every == 0 or step + 1 == settings.steps:
                    tree = _tree(learning, losses)
                    manager.save(step + 1, args=ocp.args.StandardSave(tree))
                if after is not None:
                    after(step + 1)
    return learning.model, losses


def _tree(learning: Learner, losses: np.ndarray) -> dict[str, Any]:
    """What a checkpoint holds."""
    return {"arrays": learning.arrays, "losses": losses}


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[loss]}"),
    )
