"""The three legs, one record each, and the symmetry that joins them.

One trilinear form of an input v, a kernel w and a weighting u of the output has all three:

    t(w, v, u) = <u, K(w) v> = <K(w)^T u, v> = <w, G(u, v)>

A leg takes two of the three arrays, its operands, and returns the third, its result. So a letter,
'v', 'w' or 'u', says what an array is to any leg: its *role*.
"""

import dataclasses

__all__ = ["LEGS", "LEG_WITH_RESULT", "Leg"]


@dataclasses.dataclass(frozen=True)
class Leg:
    """One of the three convolutions.

    Attributes:
        name: of the public function.
        operands: the roles of its two arguments, which are named by them.
        result: the role of what it returns.
        everywhere: the algorithm that computes every problem, by operations of `jax.lax` alone.
    """

    name: str
    operands: tuple[str, str]
    result: str
    everywhere: str

    def transpose(self, argument: int) -> "Leg":
        """The leg that transposes this one in its first (0) or second (1) argument."""
        # For operands a, b and result c this leg is the f with t = <c, f(a, b)>. Its transpose in
        # a, with b fixed, is the map g with <c, f(a, b)> = <g(c), a> for all a and c. But t is
        # also <a, h(...)>, where h is the leg whose result has the role of a; so g is that leg,
        # on the cotangent in the role of c and on b in its own. Nothing else has to be known:
        #
        #   leg               in its first argument          in its second
        #   conv(v, w)        u -> conv_transpose(u, w)      u -> kernel_gradient(u, v)
        #   conv_transp(u, w) v -> conv(v, w)                v -> kernel_gradient(u, v)
        #   k_gradient(u, v)  w -> conv(v, w)                w -> conv_transpose(u, w)
        return LEG_WITH_RESULT[self.operands[argument]]


LEGS = {
    leg.name: leg
    for leg in (
        Leg("conv", ("v", "w"), "u", everywhere="per_tap"),
        Leg("conv_transpose", ("u", "w"), "v", everywhere="overlap_add"),
        Leg("kernel_gradient", ("u", "v"), "w", everywhere="per_tap"),
    )
}
"""The legs by name."""

LEG_WITH_RESULT = {leg.result: leg for leg in LEGS.values()}
"""The legs by the role of their result."""
