"""The settings of a run. Two runs with equal settings give equal results."""

import dataclasses
import json
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Settings:
    """The settings of a run.

    Attributes:
        steps: of the optimiser.
        batch: patches per step.
        size: of a patch, a multiple of 8 with the default channels.
        channels: on each level; every level halves the size.
        noise: standard deviation of the noise; photographs are in 0..1.
        learning_rate: of Adam.
        checkpoint_every: steps between checkpoints.
        seed: of parameters, patches and noise.
    """

    steps: int = 500
    batch: int = 8
    size: int = 64
    channels: tuple[int, ...] = (32, 64, 128, 256)
    noise: float = 0.15
    learning_rate: float = 1e-3
    checkpoint_every: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        multiple = 2 ** (len(self.channels) - 1)
        if self.size % multiple or self.size < multiple:
            raise ValueError(
                f"size must be a multiple of {multiple}, halved once per level; got "
                f"size={self.size}. Pass {multiple * max(1, self.size // multiple)}."
            )
        if self.steps < 1 or self.batch < 1 or self.checkpoint_every < 1:
            raise ValueError(
                "steps, batch and checkpoint_every must be at least 1; got "
                f"steps={self.steps}, batch={self.batch}, "
                f"checkpoint_every={self.checkpoint_every}. Pass 1 or more."
            )

    def claim(self, directory: Path) -> None:
        """Write the settings into a run's directory, or check that it has the same ones.

        Raises:
            ValueError: the directory holds a run with other settings.
        """
        directory.mkdir(parents=True, exist_ok=True)
        file = directory / "settings.json"
        mine = json.dumps(dataclasses.asdict(self), indent=2)
        if file.exists() and file.read_text() != mine:
            raise ValueError(
                f"output must be new or hold a run with the same settings; got output={directory}. "
                "Pass another directory, or the settings of its settings.json."
            )
        file.write_text(mine)
