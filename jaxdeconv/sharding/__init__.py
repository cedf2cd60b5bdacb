"""Legs that are divided among devices: what is exchanged, and how.

The map, from the bottom up:

    windows     which cells a device needs, and who has them: integers
    dimension   one spatial dimension of each leg, divided: integers
    fetch       the exchange itself, by `jax.lax.ppermute`
    layout      which mesh axes divide what
    block       a leg on the blocks that the devices hold
    explicit    JAX's explicit mode: the layout from the types
    hooks       a divided leg as a function of whole arrays
    traffic     how much a divided leg exchanges
    collectives what a compiled program exchanges
    explain     both of a program, told before it runs

`explain` is for users; nothing else has to be called: arrays that are divided are enough.
"""

from jaxdeconv.sharding.block import DividedLeg
from jaxdeconv.sharding.explain import DividedLegs, explain
from jaxdeconv.sharding.layout import Layout, MeshAxes, entries

__all__ = ["DividedLeg", "DividedLegs", "Layout", "MeshAxes", "entries", "explain"]
