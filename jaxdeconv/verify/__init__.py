"""Evidence that two JAX functions are each other's transpose or adjoint, for any pair of functions.

It knows nothing of convolutions and stands apart from the rest of the package. Its own map, a
module importing only from above itself:

    matrices      entries as coordinates
    spaces        what a function takes or gives, and its members as flat vectors
    report        evidence, and the verdict
    arithmetic    exact inner products
    programs      equations that hold programs, whatever the version of JAX
    jaxprs        reading a function through its jaxpr
    linearity     a jaxpr typed as linear, affine, ...        (linearity_rules)
    absolute      |A| |v| and the rounding of A v             (absolute_rules, absolute_terms)
    diagnose/     the cause, from the entries
    probes        random probes, and the chance that a wrong pair survives them
    applications  a function applied to blocks of vectors
    patterns      which entries may be non-zero, and how few probes recover them
    pair          A, At, and what is known of their rounding
    precision     the rounding bound, and Gaussian probes against it
    additivity    linear or not: typed and probed
    sanity        the same answer twice
    exact         integer probes, and `==` where nothing can round
    detect        find a pattern by looking
    entries       every entry, by coloured probes
    localise      the wrong place, by bisection, and its cause
    inquiry       all of it in order
    pairs         the public functions
    variants      one function, transformed by JAX: public too
"""

from jaxdeconv.verify.pairs import adjoint as adjoint
from jaxdeconv.verify.pairs import adjoint_family as adjoint_family
from jaxdeconv.verify.pairs import assert_adjoint as assert_adjoint
from jaxdeconv.verify.pairs import linearity as linearity
from jaxdeconv.verify.patterns import Factor as Factor
from jaxdeconv.verify.patterns import Pattern as Pattern
from jaxdeconv.verify.patterns import blocks as blocks
from jaxdeconv.verify.patterns import window as window
from jaxdeconv.verify.programs import register as register
from jaxdeconv.verify.report import AdjointMismatch as AdjointMismatch
from jaxdeconv.verify.report import Evidence as Evidence
from jaxdeconv.verify.report import Report as Report
from jaxdeconv.verify.variants import variants as variants

__all__ = [
    "AdjointMismatch",
    "Evidence",
    "Factor",
    "Pattern",
    "Report",
    "adjoint",
    "adjoint_family",
    "assert_adjoint",
    "blocks",
    "linearity",
    "register",
    "variants",
    "window",
]
