"""Forms -> what their compiled programs cost."""

from collections.abc import Callable, Sequence

import jax

from benchmarks.compiled.forms import Form
from jaxdeconv.compilers import hlo, program
from jaxdeconv.compilers.compiling import optimized, refused
from jaxdeconv.compilers.kernels import kernels
from jaxdeconv.compilers.tally import Tally
from jaxdeconv.compilers.targets import Target

__all__ = ["compiled"]


def compiled(
    forms: Sequence[tuple[Form, str]],
    target: Target,
    progress: Callable[[int], None] = lambda _: None,
) -> list[Tally]:
    """Compile forms, each in a dtype, for a device; all in one process.

    Args:
        forms: which, and the dtype of both operands.
        target: the device.
        progress: called with the number of each that is done.

    Raises:
        ValueError: the compiler is not installed, or refuses one.
    """
    programs = []
    for form, dtype in forms:
        args = [jax.ShapeDtypeStruct(shape, dtype) for shape in form.shapes]
        closed, _ = program.tagged(form.fun, args, {}, target.platform)
        programs.append(program.lowered(closed, target.platform))
    found = []
    for one in optimized(programs, target, progress):
        if one.error:
            raise refused(one.error, target)
        every = kernels(hlo.parse(one.hlo), target.multiplies_dilation_zeros)
        found.append(Tally.of(every, target, lambda _: True))
    return found
