"""Algorithms of your own, beside ours: for the plan, by name, and for `autotune`."""

import dataclasses
from typing import Any, Self

from jaxdeconv.algorithms import ALGORITHMS, Algorithm
from jaxdeconv.algorithms.leg import LEGS
from jaxdeconv.arguments.choices import check_choice
from jaxdeconv.errors import ArgumentTypeError, ArgumentValueError, reporting
from jaxdeconv.planning import planner, tuning_cache

__all__ = ["Registration", "register_algorithm", "unregister_algorithm"]


@dataclasses.dataclass(frozen=True)
class Registration:
    """An algorithm that is registered; as a context manager, until its block ends.

    Attributes:
        leg: for which.
        algorithm: what was registered.
    """

    leg: str
    algorithm: Algorithm

    def unregister(self) -> None:
        """As `unregister_algorithm`."""
        unregister_algorithm(self.leg, self.algorithm.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.unregister()


@reporting
def register_algorithm(leg: str, algorithm: Algorithm) -> Registration:
    """Let a leg be computed by an algorithm of yours, in this process.

    From then on it is a candidate of every plan. It is used where its name is asked for
    (`algorithm="name"`) or where `autotune` measured it to be the fastest; and on CPUs where its
    `seconds` predict so, if it has them. Check it first: `jaxdeconv.algorithms.contract`.

    Programs that you compiled before, by `jax.jit` and its like, stay as they are.

    Args:
        leg: 'conv', 'conv_transpose' or 'kernel_gradient'.
        algorithm: a `jaxdeconv.algorithms.Algorithm`, whose name no other of the leg has.

    Returns:
        A handle that unregisters it.

    Raises:
        ValueError: unknown leg, or the name is taken.
        TypeError: not an `Algorithm`, or one of its fields is of the wrong kind.
    """
    check_choice("leg", leg, LEGS)
    _check_kinds(algorithm)
    taken = [planner.AUTO, planner.DERIVED, *(one.name for one in ALGORITHMS[leg])]
    if algorithm.name in taken:
        raise ArgumentValueError(
            f"algorithm must have a name of its own among those of {leg}",
            f"Taken are {', '.join(map(repr, taken))}.",
            name=algorithm.name,
        )
    ALGORITHMS[leg] = (*ALGORITHMS[leg], algorithm)
    tuning_cache.forget()
    return Registration(leg, algorithm)


@reporting
def unregister_algorithm(leg: str, name: str) -> None:
    """Undo `register_algorithm`; what was compiled eagerly with it is forgotten.

    Args:
        leg: for which it was registered.
        name: of the algorithm.

    Raises:
        ValueError: unknown leg, or no algorithm of that name was registered.
    """
    check_choice("leg", leg, LEGS)
    registered = [one.name for one in ALGORITHMS[leg] if (leg, one.name) not in planner.OURS]
    if name not in registered:
        raise ArgumentValueError(
            f"name must be that of an algorithm registered for {leg}",
            f"Registered are {', '.join(map(repr, registered)) or 'none'}.",
            name=name,
        )
    ALGORITHMS[leg] = tuple(one for one in ALGORITHMS[leg] if one.name != name)
    tuning_cache.forget()


def _check_kinds(algorithm: Any) -> None:
    if not isinstance(algorithm, Algorithm):
        raise ArgumentTypeError(
            "algorithm must be a jaxdeconv.algorithms.Algorithm",
            "Pass Algorithm(name, apply, reject, work).",
            algorithm=algorithm,
        )
    if not isinstance(algorithm.name, str) or not algorithm.name.isidentifier():
        raise ArgumentTypeError(
            "the algorithm's name must be a word",
            "Pass for example 'winograd'.",
            name=algorithm.name,
        )
    for field in dataclasses.fields(algorithm)[1:]:
        value = getattr(algorithm, field.name)
        if not (callable(value) or (field.name in ("seconds", "error") and value is None)):
            raise ArgumentTypeError(
                f"the algorithm's {field.name} must be a function",
                "See jaxdeconv.algorithms.Algorithm.",
                **{field.name: value},
            )
