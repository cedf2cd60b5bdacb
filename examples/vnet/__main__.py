"""The command line: `python -m examples.vnet`."""

import argparse
import time
from pathlib import Path
from typing import Any

import jax
import matplotlib as mpl
from jax.sharding import Mesh
from rich.console import Console
from rich.table import Table

from examples.vnet import pictures, training
from examples.vnet.network import OURS, STOCK, Convolutions
from jaxdeconv import sharding

CONSOLE = Console(highlight=False, markup=False, soft_wrap=True)
MIB = 2**20


def parser() -> argparse.ArgumentParser:
    """Options, with their defaults."""
    result = argparse.ArgumentParser(
        prog="python -m examples.vnet",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        description="Train a 3-D V-Net over 8 simulated devices (of the CPU) on a volume that is "
        "too large for one; tell what the devices exchange, beside the same network on jax.lax; "
        "write vnet.png. Takes two or three minutes, most of which is compilation.",
    )
    result.add_argument("--output", type=Path, default=Path("vnet"), help="directory")
    result.add_argument("--size", type=int, default=96, help="cells along each side of the volume")
    result.add_argument("--small", type=int, default=32, help="of one that fits on one device, too")
    result.add_argument("--limit", type=int, default=512, help="memory of a device, in MiB")
    result.add_argument("--steps", type=int, default=5, help="of training")
    result.add_argument("--channels", type=int, nargs="+", default=(8, 16, 32), help="per level")
    result.add_argument("--kernel", type=int, default=3, help="size of the kernels, odd")
    result.add_argument("--seed", type=int, default=0, help="of parameters and volume")
    return result


def check(options: argparse.Namespace) -> None:
    """Refuse what cannot be trained.

    Raises:
        ValueError: with what to pass instead.
    """
    multiple = 2 ** max(1, len(options.channels) - 1)
    for name in ("size", "small"):
        size = getattr(options, name)
        if size < multiple or size % multiple:
            raise ValueError(
                f"{name} must be a multiple of {multiple}, halved on each level and between two "
                f"devices; got {name}={size}. Pass {max(1, size // multiple) * multiple}."
            )
    for name in ("steps", "limit"):
        if getattr(options, name) < 1:
            raise ValueError(
                f"{name} must be at least 1; got {name}={getattr(options, name)}. Pass 1 or more."
            )
    if min(options.channels) < 1:
        raise ValueError(
            f"channels must be at least 1; got channels={options.channels}. Pass 8 16 32."
        )
    if options.kernel < 1 or options.kernel % 2 == 0:
        raise ValueError(f"kernel must be odd; got kernel={options.kernel}. Pass 3 or 5.")


def main() -> None:
    """Train, and tell."""
    options = parser().parse_args()
    try:
        check(options)
        options.output.mkdir(parents=True, exist_ok=True)
    except (ValueError, OSError) as error:
        raise SystemExit(f"vnet: {error}") from error
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_num_cpu_devices", 8)
    mpl.use("agg")
    settings = {"channels": tuple(options.channels), "kernel": options.kernel}
    mesh = training.cube_of_devices()
    _compare_losses(mesh, options, settings)
    _explain(mesh, options, settings)
    CONSOLE.print(f"\n{options.size}³ cells over 8 devices, {options.steps} steps:")
    start = time.perf_counter()
    losses = training.train(
        mesh, (options.size,) * 3, **settings, steps=options.steps, seed=options.seed
    )
    seconds = (time.perf_counter() - start) / options.steps
    CONSOLE.print(f"loss {_row(losses)}; {seconds:.1f} s a step")


def _row(losses: list[float]) -> str:
    return " ".join(f"{loss:.6f}" for loss in losses)


def _compare_losses(mesh: Mesh, options: argparse.Namespace, settings: dict[str, Any]) -> None:
    """The same run on one device and on 8, of a volume small enough for one."""
    more = {**settings, "steps": options.steps, "seed": options.seed}
    sizes = (options.small,) * 3
    with CONSOLE.status("training on a small volume, on one device and on 8"):
        alone, divided = (training.train(one, sizes, **more) for one in (None, mesh))
    apart = max(abs(a - b) for a, b in zip(alone, divided, strict=True))
    CONSOLE.print(f"{options.small}³ cells, {options.steps} steps:")
    CONSOLE.print(f"loss on 1 device  {_row(alone)}")
    CONSOLE.print(f"loss on 8 devices {_row(divided)}")
    CONSOLE.print(f"{apart:.1e} apart at most: sums over devices are added in another order")


def _explain(mesh: Mesh, options: argparse.Namespace, settings: dict[str, Any]) -> None:
    """Memory and exchange of a step, ours beside jax.lax's; nothing runs."""
    sizes = (options.size,) * 3
    with CONSOLE.status("compiling for one device, and for 8, ours and jax.lax's"):
        alone = _memory(training.arguments(None, sizes, **settings), OURS)
        divided = training.arguments(mesh, sizes, **settings)
        told, stock = (
            sharding.explain(training.compiled_step, *divided, convolutions=convolutions)
            for convolutions in (OURS, STOCK)
        )
        memory, stock_memory = (_memory(divided, one) for one in (OURS, STOCK))
    CONSOLE.print(f"\n{options.size}³ cells, memory of a device, counted in the compiled step:")
    for devices, needed in (("1 device", alone), ("8 devices", memory)):
        fits = "fits into" if needed <= options.limit * MIB else "does not fit into"
        CONSOLE.print(f"{devices}: {needed / MIB:.1f} MiB, {fits} {options.limit} MiB")
    columns = {
        "jaxdeconv": {"memory": memory / MIB, **pictures.exchanged(told)},
        "jax.lax": {"memory": stock_memory / MIB, **pictures.exchanged(stock)},
    }
    table = Table("MiB per device, of 8", *columns)
    for what in columns["jaxdeconv"]:
        table.add_row(what, *(f"{column[what]:.2f}" for column in columns.values()))
    CONSOLE.print(table)
    halos = sum(
        sent.bytes for _, exchanges, _ in told.legs for sent in exchanges if not sent.is_sum
    )
    CONSOLE.print(
        f"halos by the formula (cells x channels x bytes): {halos / MIB:.2f} MiB, "
        f"for {len(told.legs)} convolutions, transposed convolutions and kernel gradients"
    )
    file = options.output / "vnet.png"
    bars = {"one device": {"memory": alone / MIB}, **columns}
    pictures.draw(told, bars, options.size).savefig(file, dpi=120)
    (options.output / "exchange.txt").write_text(f"{told}\n", encoding="utf-8")
    CONSOLE.print(f"picture: {file}; each exchange: {options.output / 'exchange.txt'}")


def _memory(arguments: tuple[Any, ...], convolutions: Convolutions) -> int:
    """Bytes of one device. What was compiled before is not compiled again."""
    step = training.compiled_step
    return training.memory(step.lower(*arguments, convolutions=convolutions).compile())


if __name__ == "__main__":
    main()
