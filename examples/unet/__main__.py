"""The command line: `python -m examples.unet`."""

import argparse
import dataclasses
import importlib.util
from pathlib import Path

import jax
import matplotlib as mpl
import numpy as np
from rich.console import Console

from examples.unet import data, pictures, training
from examples.unet.settings import Settings

CONSOLE = Console(highlight=False, markup=False, soft_wrap=True)


def parser() -> argparse.ArgumentParser:
    """Options, with the defaults of `Settings`."""
    default = Settings()
    result = argparse.ArgumentParser(
        prog="python -m examples.unet",
        description="Train a U-Net that denoises photographs; an interrupted run is resumed. "
        " Writes result.png and curve.png, or rivals.png.",
    )
    result.add_argument("--output", type=Path, default=Path("unet"), help="directory (%(default)s)")
    helps = {
        "steps": "of the optimiser",
        "batch": "patches per step",
        "size": "of a patch, halved on each level",
        "noise": "standard deviation of the noise, where white is 1",
        "learning_rate": "of Adam",
        "checkpoint_every": "steps between checkpoints",
        "seed": "of parameters, patches and noise",
    }
    for name, text in helps.items():
        value = getattr(default, name)
        option = f"--{name.replace('_', '-')}"
        result.add_argument(option, type=type(value), default=value, help=f"{text} (%(default)s)")
    result.add_argument(
        "--channels", type=int, nargs="+", default=default.channels, help="per level (%(default)s)"
    )
    result.add_argument(
        "--rivals",
        action="store_true",
        help="race against Flax's own layers and PyTorch instead, for this many --steps",
    )
    return result


def main() -> None:
    """Train, or race; write the pictures, and print the results."""
    mpl.use("agg")
    options = vars(parser().parse_args())
    output, racing = options.pop("output"), options.pop("rivals")
    try:
        settings = Settings(**(options | {"channels": tuple(options["channels"])}))
        if racing:
            _race(settings, output)
        else:
            _train(settings, output)
    except ValueError as error:
        raise SystemExit(f"unet: {error}") from error


def _train(settings: Settings, output: Path) -> None:
    model, losses = training.train(settings, output)
    noisy, clean = data.held_out(settings)
    denoised = np.asarray(jax.jit(model.__call__)(noisy))
    pictures.draw_result(noisy, denoised, clean, output / "result.png")
    pictures.draw_curve(losses, settings.noise, output / "curve.png")
    before, after = (data.psnr(image, clean) for image in (noisy, denoised))
    CONSOLE.print(
        f"{data.HELD_OUT}, not seen in training: {before:.2f} dB noisy, {after:.2f} dB denoised"
    )
    CONSOLE.print(f"pictures: {output / 'result.png'}, {output / 'curve.png'}")


def _race(settings: Settings, output: Path) -> None:
    if not importlib.util.find_spec("torch"):
        raise ValueError("--rivals needs PyTorch: install torch, or leave it out")
    records = importlib.import_module("examples.unet.rivals").race(settings)
    output.mkdir(parents=True, exist_ok=True)
    pictures.draw_rivals(records, output / "rivals.png")
    ours = records["jaxdeconv"].seconds_per_step
    for name, record in records.items():
        CONSOLE.print(
            f"{name:10} {1000 * record.seconds_per_step:8.1f} ms a step "
            f"{record.seconds_per_step / ours:6.2f}x  "
            f"loss {record.losses[0]:.5f} -> {record.losses[-1]:.5f}"
        )
    CONSOLE.print(f"picture: {output / 'rivals.png'}; settings: {dataclasses.asdict(settings)}")


if __name__ == "__main__":
    main()
