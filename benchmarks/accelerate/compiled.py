"""One training step, compiled for a device that is not here: stock against accelerated."""

import dataclasses
import math

from benchmarks.accelerate.networks import Network
from benchmarks.accelerate.training import Training
from benchmarks.machine import today
from jaxdeconv import compilers
from jaxdeconv.compilers.report import Explanation
from jaxdeconv.compilers.tally import Compiled

__all__ = ["DTYPES", "Row", "explain_step", "row", "wasted"]

DTYPES = {"float32": None, "mixed": "bfloat16"}
"""Names -> dtype of the layers' arithmetic; parameters, loss and optimiser are in float32."""


@dataclasses.dataclass(frozen=True)
class Row:
    """What the compiler for a device made of one step.

    Attributes:
        target: the device.
        network: its name.
        framework: its name.
        dtype: one of `DTYPES`.
        seconds: predicted, of the 'stock' and the 'accelerated' step.
        wasted: share of the convolutions' operations that are of no use, likewise.
        launches: of kernels, likewise.
        error: why the compiler refuses one of the two, of which the rest is then nan or 0; else ''.
        jax: the version.
        date: of the compilation.
    """

    target: str
    network: str
    framework: str
    dtype: str
    seconds: dict[str, float]
    wasted: dict[str, float]
    launches: dict[str, int]
    error: str
    jax: str
    date: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What is compiled, and for which device."""
        return self.target, self.network, self.framework, self.dtype

    @property
    def ratio(self) -> float:
        """Stock / accelerated, predicted; nan if the compiler refuses one."""
        return math.nan if self.error else self.seconds["stock"] / self.seconds["accelerated"]


def explain_step(training: Training, target: str) -> Explanation:
    """Compile a step as it is and accelerated.

    Args:
        training: the step.
        target: the device; its compiler must be installed.
    """
    return compilers.explain(training.step, *training.arguments(), target=target)


def row(found: Explanation, network: Network, framework: str, dtype: str) -> Row:
    """What a table says of it.

    Args:
        found: the step, compiled.
        network: what is trained.
        framework: its name.
        dtype: one of `DTYPES`.
    """
    stock, last = found.programs[0], found.programs[-1]  # the same where nothing is replaced
    both = {"stock": stock, "accelerated": last}
    return Row(
        found.target.name,
        network.name,
        framework,
        dtype,
        {name: one.total.seconds for name, one in both.items()},
        {name: wasted(found, one) for name, one in both.items()},
        {name: one.total.launches for name, one in both.items()},
        stock.error or last.error,
        found.jax,
        today(),
    )


def wasted(found: Explanation, compiled: Compiled) -> float:
    """The share of all convolutions' operations that are of no use; nan where they have none.

    Args:
        found: what was compiled.
        compiled: one of its programs.
    """
    both = zip(found.sources, compiled.convolutions, strict=True)
    pairs = [(source.flops, tally.flops) for source, tally in both if tally.flops]
    done = sum(flops for _, flops in pairs)
    useful = sum(min(pair) for pair in pairs)  # another may compute a part of it
    return 1 - useful / done if done else math.nan
