"""What the jaxpr of a function says of it: is it linear, and how far may its results be off?

programs      equations that hold programs, whatever the version of JAX
jaxprs        tracing, walking, constants, source lines
known         what is known of one variable
log           what is noted of roundings
parts         rules: linear, affine, ...
bounds        rules: magnitudes and roundings      (products; norms: of FFTs)
table         both, by primitive: a new primitive is entered here
control       loops, branches, devices
interpreter   the walk
linearity     the verdict
magnitude     |A| |v|, and all of it: `analyse`
widening      the program in double precision
"""

from jaxdeconv.verify.analysis.jaxprs import Traced as Traced
from jaxdeconv.verify.analysis.jaxprs import Untraceable as Untraceable
from jaxdeconv.verify.analysis.jaxprs import trace as trace
from jaxdeconv.verify.analysis.known import Unbounded as Unbounded
from jaxdeconv.verify.analysis.linearity import Linearity as Linearity
from jaxdeconv.verify.analysis.magnitude import Analysis as Analysis
from jaxdeconv.verify.analysis.magnitude import Magnitude as Magnitude
from jaxdeconv.verify.analysis.magnitude import analyse as analyse
from jaxdeconv.verify.analysis.widening import wide as wide
from jaxdeconv.verify.analysis.widening import widened as widened

__all__ = ["Analysis", "Linearity", "Magnitude", "Traced", "Unbounded", "Untraceable"]
__all__ += ["analyse", "trace", "wide", "widened"]
