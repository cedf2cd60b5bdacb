"""Evidence that two functions are each other's transpose or adjoint, for any pair of functions.

It knows nothing of convolutions and stands apart from the rest of the package. Its own map, a
module importing only from above itself:

    matrices        entries as coordinates
    spaces          what a function takes or gives, and its members as flat vectors
    evidence        one kind of evidence
    wording         reports in words
    report          the verdict
    arithmetic      exact inner products
    analysis/       what a jaxpr says: linear or not, |A| |v|, roundings; the table of primitives
    diagnose/       the cause, from the entries
    probes          random probes, and the chance that a wrong pair survives them
    calls           how a function can be called, and what is found when it is
    maps            a function applied to blocks of vectors, with its jaxpr and its rounding
    floats          probes within the range of the floats
    double          the same function in double precision
    patterns        which entries may be non-zero, and how few probes recover them
    pair            A and At; probes with what became of them
    precision       the rounding bound, and Gaussian probes against it
    place           the wrong place, by bisection
    additivity      linear or not: typed and probed
    repeatability   the same answer twice
    exact           integer probes, and `==` where nothing can round
    scales          rows and columns brought to one size
    bounded         integer probes compared by what rounding explains
    detect          find a pattern by looking
    entries         every entry, by coloured probes
    localise        the cause of a wrong place
    run             all of it in order
    weights         inner products with weights
    pairing         A and At, as the user passes them, over one ring
    api             the public functions on pairs
    derived         adjoints derived by JAX or PyTorch
    tensors         PyTorch's tensors as NumPy arrays
    elements        what an operator object acts on, as the libraries say it
    objects         operator objects of any library: public
    equality        two maps are one: public
    eigenvalues     none is negative
    properties      symmetric, unitary, projection, positive: public
    taylor          the Taylor test
    jacobian        derivatives: public
    variants        one function, transformed by JAX: public too
"""

from jaxdeconv.verify.analysis.programs import register as register
from jaxdeconv.verify.api import adjoint as adjoint
from jaxdeconv.verify.api import adjoint_family as adjoint_family
from jaxdeconv.verify.api import assert_adjoint as assert_adjoint
from jaxdeconv.verify.api import linearity as linearity
from jaxdeconv.verify.equality import equal as equal
from jaxdeconv.verify.jacobian import jacobian as jacobian
from jaxdeconv.verify.objects import operator as operator
from jaxdeconv.verify.patterns import Factor as Factor
from jaxdeconv.verify.patterns import Pattern as Pattern
from jaxdeconv.verify.patterns import blocks as blocks
from jaxdeconv.verify.patterns import window as window
from jaxdeconv.verify.properties import positive as positive
from jaxdeconv.verify.properties import projection as projection
from jaxdeconv.verify.properties import symmetric as symmetric
from jaxdeconv.verify.properties import unitary as unitary
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
    "equal",
    "jacobian",
    "linearity",
    "operator",
    "positive",
    "projection",
    "register",
    "symmetric",
    "unitary",
    "variants",
    "window",
]
