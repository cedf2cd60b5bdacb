"""The same network on Flax's own layers and in PyTorch: equal losses, different speeds."""

import dataclasses
import itertools
import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import torch
from flax import nnx
from rich.progress import track

from examples.unet import data
from examples.unet.network import FLAX, UNet
from examples.unet.settings import Settings
from examples.unet.training import learner
from jaxdeconv.compat import convert_kernel


@dataclasses.dataclass
class Record:
    """The run of one network.

    Attributes:
        losses: of every step.
        seconds: of every step; the first step includes compilation.
    """

    losses: list[float] = dataclasses.field(default_factory=list)
    seconds: list[float] = dataclasses.field(default_factory=list)

    @property
    def seconds_per_step(self) -> float:
        """The median without the first two steps."""
        return statistics.median(self.seconds[2:])


def race(settings: Settings) -> dict[str, Record]:
    """Train all three from the same parameters on the same patches, in alternation.

    Args:
        settings: of the run; at least 3 steps.

    Raises:
        ValueError: fewer steps than that.
    """
    if settings.steps < 3:
        raise ValueError(f"steps must be at least 3; got steps={settings.steps}. Pass 20.")
    ours = learner(settings)
    parameters = nnx.state(ours.model)
    theirs = learner(settings, FLAX, parameters)
    steps: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
        "jaxdeconv": lambda noisy, clean: float(ours.step(noisy, clean)),
        "PyTorch": torch_step(settings, ours.model),
        "Flax": lambda noisy, clean: float(theirs.step(noisy, clean)),
    }
    records = {name: Record() for name in steps}
    for step in track(range(settings.steps), "rivals"):
        patches = data.batch(settings, step)
        for name, advance in steps.items():
            start = time.perf_counter()
            records[name].losses.append(advance(*patches))
            records[name].seconds.append(time.perf_counter() - start)
    return records


class TorchBlock(torch.nn.Module):
    """`network.Block` in PyTorch."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = torch.nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.pointwise = torch.nn.Conv2d(channels, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`(batch, channels, height, width)` to the same."""
        return x + self.pointwise(torch.relu(self.depthwise(x)))


class TorchUNet(torch.nn.Module):
    """`network.UNet` in PyTorch, with the same names."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        conv, conv_transpose, modules = (
            torch.nn.Conv2d,
            torch.nn.ConvTranspose2d,
            torch.nn.ModuleList,
        )
        levels = list(itertools.pairwise(settings.channels))
        self.stem = conv(1, settings.channels[0], 3, padding=1)
        self.down = modules([conv(a, b, 2, stride=2) for a, b in levels])
        self.left = modules([TorchBlock(b) for _, b in levels])
        self.right = modules([TorchBlock(b) for _, b in levels])
        self.up = modules([conv_transpose(b, a, 4, stride=2, padding=1) for a, b in levels])
        self.head = conv(settings.channels[0], 1, 3, padding=1)

    def forward(self, noisy: torch.Tensor) -> torch.Tensor:
        """`(batch, 1, height, width)`: the image without its noise."""
        x = self.stem(noisy)
        skips = []
        for down, block in zip(self.down, self.left, strict=True):
            skips.append(x)
            x = block(down(x))
        for up, block in zip(reversed(self.up), reversed(self.right), strict=True):
            x = skips.pop() + up(block(x))
        return noisy - self.head(torch.relu(x))


def torch_step(settings: Settings, model: UNet) -> Callable[[np.ndarray, np.ndarray], float]:
    """(noisy, clean) -> loss: one step of the PyTorch network that starts as `model`."""
    network = TorchUNet(settings)
    network.load_state_dict(to_torch(model))
    # PyTorch's fastest layout on a CPU
    network = network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), settings.learning_rate)

    def step(*patches: np.ndarray) -> float:
        noisy, clean = (torch.from_numpy(p).permute(0, 3, 1, 2) for p in patches)
        optimizer.zero_grad()
        loss = torch.square(network(noisy) - clean).mean()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def to_torch(model: UNet) -> dict[str, torch.Tensor]:
    """The parameters of a U-Net as a PyTorch state_dict."""
    arrays: dict[str, Any] = {}
    for path, layer in nnx.iter_modules(model):
        if hasattr(layer, "kernel"):
            prefix = ".".join(map(str, path))
            arrays[f"{prefix}.weight"] = convert_kernel(
                np.asarray(layer.kernel[...]),
                source="jaxdeconv",
                target="torch",
                groups=layer.feature_group_count,
                transposed=path[0] == "up",
            )
            arrays[f"{prefix}.bias"] = np.asarray(layer.bias[...])
    return jax.tree.map(lambda a: torch.tensor(np.ascontiguousarray(a)), arrays)
