"""Results and curves as PNG."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np

from examples.unet.data import psnr

if TYPE_CHECKING:  # it needs PyTorch
    from examples.unet.rivals import Record

COLORS = ("#0072B2", "#E69F00", "#009E73")  # safe for colour-blind eyes (Okabe, Ito)


def draw_result(noisy: np.ndarray, denoised: np.ndarray, clean: np.ndarray, file: Path) -> None:
    """The held-out photograph in three states."""
    figure, axes = plt.subplots(1, 3, figsize=(9, 3.4), layout="constrained")
    titles = {"noisy": noisy, "denoised": denoised}
    images = {f"{name}, {psnr(x, clean):.1f} dB": x for name, x in titles.items()}
    for ax, (title, image) in zip(axes, (images | {"clean": clean}).items(), strict=True):
        ax.imshow(np.clip(image[0, ..., 0], 0, 1), cmap="gray", vmin=0, vmax=1)
        ax.set_title(title)
        ax.set_axis_off()
    figure.savefig(file, dpi=120)
    plt.close(figure)


def draw_curve(losses: np.ndarray, noise: float, file: Path) -> None:
    """The loss of every step, and its running mean."""
    figure, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
    width = max(1, len(losses) // 20)
    mean = np.convolve(losses, np.ones(width) / width, "valid")
    ax.semilogy(losses, color=COLORS[0], alpha=0.3, label="each step")
    ax.semilogy(np.arange(len(mean)) + width // 2, mean, color=COLORS[0], label="running mean")
    ax.axhline(noise**2, color="gray", linestyle="--", label="the noise itself")
    ax.set(xlabel="step", ylabel="mean square error", title="Learning curve")
    ax.legend()
    figure.savefig(file, dpi=120)
    plt.close(figure)


def draw_rivals(records: "Mapping[str, Record]", file: Path) -> None:
    """Losses by step, which coincide, and by time, which do not."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained", sharey=True)
    styles = ("-", "--", ":")
    for (name, record), color, style in zip(records.items(), COLORS, styles, strict=True):
        label = f"{name}, {1000 * record.seconds_per_step:.0f} ms"
        look = {"color": color, "linestyle": style, "linewidth": 2}
        left.semilogy(record.losses, **look)
        times = np.cumsum([record.seconds_per_step] * len(record.losses))
        right.semilogy(times, record.losses, label=label, **look)
    left.set(xlabel="step", ylabel="mean square error", title="The same losses ...")
    right.set(xlabel="seconds", xscale="log", title="... at another speed")
    right.legend(title="a step")
    figure.savefig(file, dpi=120)
    plt.close(figure)
