"""Cuts excerpts out of a jaxpr: which equations around a convolution can become part of it."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import jax
import numpy as np
from jax.extend.core import Jaxpr, JaxprEqn, Literal, Var
from jax.extend.core import primitives as p

from jaxdeconv.acceleration.excerpt import Constant, Excerpt, Source, Step

__all__ = ["Cut", "Program", "cuts"]

SCATTERS = {p.scatter_p, p.scatter_add_p}

MOVING = {p.pad_p, p.rev_p, p.slice_p, p.gather_p, *SCATTERS}
"""Worth merging with a convolution: they insert zeros, or leave out or reverse entries."""

PASSED = {p.transpose_p, p.reshape_p, p.squeeze_p, p.broadcast_in_dim_p, p.convert_element_type_p}
"""Not worth merging by themselves, but may stand between those and the convolution."""

INDEX_ARITHMETIC = {
    p.iota_p,
    p.mul_p,
    p.add_p,
    p.lt_p,
    p.select_n_p,
    p.concatenate_p,
    *PASSED,
}
"""What computes the indices of a scatter or gather that are known while tracing."""

MOST_INDICES = 2**20
"""Larger arrays of indices are not evaluated."""

Chain: TypeAlias = list[JaxprEqn]
"""Equations, each moving the result of the one before it."""


class Program:
    """The equations of a jaxpr, by the variables that they compute and use.

    Attributes:
        jaxpr: whose equations.
        maker: of each variable, the equation that computes it.
        users: of each variable, the equations that use it; None stands for the jaxpr's results.
    """

    def __init__(self, jaxpr: Jaxpr) -> None:
        self.jaxpr = jaxpr
        self.maker: dict[Var, JaxprEqn] = {}
        self.users: dict[Var, list[JaxprEqn | None]] = {}
        for equation in jaxpr.eqns:
            self.maker |= dict.fromkeys(equation.outvars, equation)
            for var in _variables(equation.invars):
                self.users.setdefault(var, []).append(equation)
        for var in _variables(jaxpr.outvars):
            self.users.setdefault(var, []).append(None)

    def constant(self, atom: Any) -> Constant | None:
        """A variable's value if it is known: zeros, or a few numbers."""
        shape, dtype = tuple(atom.aval.shape), atom.aval.dtype
        if self.is_zero(atom):
            return Constant(shape, dtype)
        numbers = self._numbers(atom)
        return None if numbers is None else Constant(shape, dtype, numbers.tobytes())

    def is_zero(self, atom: Any) -> bool:
        """Whether a variable is known to hold only zeros."""
        if isinstance(atom, Literal):
            return not np.any(np.asarray(atom.val) != 0)
        equation = self.maker.get(atom)
        return (
            equation is not None
            and equation.primitive in PASSED
            and _is_plain(equation.outvars[0].aval)
            and self.is_zero(equation.invars[0])
        )

    def _numbers(self, atom: Any) -> np.ndarray | None:
        if isinstance(atom, Literal):
            aval: Any = atom.aval
            return np.asarray(atom.val, aval.dtype)
        equation = self.maker.get(atom)
        if equation is None or equation.primitive not in INDEX_ARITHMETIC:
            return None
        if not _is_plain(atom.aval) or atom.aval.size > MOST_INDICES:
            return None
        operands = [self._numbers(one) for one in equation.invars]
        if any(one is None for one in operands):
            return None
        with jax.ensure_compile_time_eval():
            return np.asarray(equation.primitive.bind(*operands, **equation.params))


@dataclasses.dataclass(frozen=True)
class Cut:
    """An excerpt and its place in the program.

    Attributes:
        excerpt: itself.
        operands: variables (or literals) of the program to which it applies.
        result: the variable that it computes.
        convolution: the equation of the convolution.
        last: the equation whose place it takes.
        absorbed: all equations that it contains.
    """

    excerpt: Excerpt
    operands: tuple[Any, Any]
    result: Var
    convolution: JaxprEqn
    last: JaxprEqn
    absorbed: tuple[JaxprEqn, ...]


def cuts(program: Program, convolutions: Sequence[JaxprEqn]) -> Iterator[Cut]:
    """Cut convolutions out of a program, each with the equations that can be merged with it.

    Equations that compute an operand are copied into every excerpt that needs them; those after a
    convolution belong to that one only.

    Args:
        program: to cut them out of.
        convolutions: equations of it.
    """
    # An equation between two convolutions could go with either. It goes with the first: `taken`
    # keeps the second from copying it.
    after = {id(one): _after(program, one) for one in convolutions}
    taken = {id(equation) for equations in after.values() for equation in equations}
    for one in convolutions:
        before = [_before(program, atom, taken) for atom in one.invars]
        yield _cut(program, before, one, after[id(one)])


def _cut(program: Program, before: Sequence[Chain], convolution: JaxprEqn, after: Chain) -> Cut:
    operands = [
        chain[0].invars[_moved(chain[0])] if chain else atom
        for chain, atom in zip(before, convolution.invars, strict=True)
    ]
    steps: list[Step] = []
    sources: list[Source] = []
    # Sources count the two operands, 0 and 1, and then the steps from 2 on (see `Source`).
    for which, chain in enumerate(before):
        source = which
        for equation in chain:
            steps.append(_step(program, equation, source))
            source = len(steps) + 1
        sources.append(source)
    steps.append(_as_step(convolution, tuple(sources)))
    for equation in after:
        steps.append(_step(program, equation, len(steps) + 1))
    avals: list[Any] = [operand.aval for operand in operands]
    last = after[-1] if after else convolution
    return Cut(
        Excerpt(
            (tuple(avals[0].shape), tuple(avals[1].shape)),
            (avals[0].dtype, avals[1].dtype),
            tuple(steps),
        ),
        (operands[0], operands[1]),
        last.outvars[0],
        convolution,
        last,
        (*before[0], *before[1], convolution, *after),
    )


def _step(program: Program, equation: JaxprEqn, source: int) -> Step:
    """An equation that moves one operand, the others being constants."""
    moved = _moved(equation)
    return _as_step(
        equation,
        tuple(
            source if i == moved else program.constant(atom)
            for i, atom in enumerate(equation.invars)
        ),
    )


def _as_step(equation: JaxprEqn, sources: tuple[Any, ...]) -> Step:
    primitive, params = equation.primitive, dict(equation.params)
    if primitive is p.scatter_add_p:  # to zeros, each place once
        primitive, params = p.scatter_p, params | {"update_jaxpr": None, "update_consts": ()}
    aval: Any = equation.outvars[0].aval
    shape = tuple(aval.shape)
    return Step(primitive, tuple(sorted(params.items())), sources, shape, aval.dtype)


def _after(program: Program, convolution: JaxprEqn) -> Chain:
    """The equations after a convolution, as long as nothing else uses the result so far."""
    chain: Chain = []
    useful = 0
    (var,) = convolution.outvars
    while len(users := program.users.get(var, [])) == 1:
        (user,) = users
        if user is None or user.primitive in SCATTERS or not _moves(program, user, var):
            break
        chain.append(user)
        if user.primitive in MOVING:
            useful = len(chain)
        (var,) = user.outvars
    return chain[:useful]


def _before(program: Program, atom: Any, taken: set[int]) -> Chain:
    """The equations that compute an operand, from the first that is worth merging."""
    chain: Chain = []
    useful = 0
    while isinstance(atom, Var) and (maker := program.maker.get(atom)) is not None:
        source = maker.invars[_moved(maker)] if maker.invars else None
        if id(maker) in taken or not _moves(program, maker, source):
            break
        chain.append(maker)
        if maker.primitive in MOVING:
            useful = len(chain)
        atom = source
    return chain[:useful][::-1]


def _moved(equation: JaxprEqn) -> int:
    """The position of the operand whose entries an equation moves."""
    return 2 if equation.primitive in SCATTERS else 0


def _moves(program: Program, equation: JaxprEqn, atom: Any) -> bool:
    """Whether an equation only moves the entries of `atom`, its other operands being known."""
    primitive, invars = equation.primitive, equation.invars
    moved = _moved(equation)
    if len(invars) <= moved or invars[moved] is not atom or not isinstance(atom, Var):
        return False
    if not all(_is_plain(var.aval) for var in (atom, *equation.outvars)):
        return False
    if primitive in PASSED:
        return len(invars) == 1 and equation.params.get("sharding") is None
    if primitive is p.pad_p:
        return program.is_zero(invars[1])
    if primitive in SCATTERS:
        known = program.is_zero(invars[0]) and program.constant(invars[1]) is not None
        return known and bool(equation.params["unique_indices"])
    if primitive is p.gather_p:
        return program.constant(invars[1]) is not None
    return primitive in MOVING


def _is_plain(aval: Any) -> bool:
    """Whether all sizes are numbers, and none of them 0."""
    return all(isinstance(n, int) and n > 0 for n in getattr(aval, "shape", (0,)))


def _variables(atoms: Sequence[Any]) -> Iterator[Var]:
    return (atom for atom in atoms if isinstance(atom, Var))
