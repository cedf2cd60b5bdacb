"""What `accelerate` has not replaced."""

from jax.extend.core import ClosedJaxpr

from jaxdeconv.acceleration.rewrite import Found, convolutions


def left(program: ClosedJaxpr) -> list[Found]:
    """The convolutions of a program that are not replaced, at any depth."""
    return [one for one in convolutions(program.jaxpr) if not one.platforms]
