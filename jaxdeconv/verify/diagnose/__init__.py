"""Name the fault: which known mistake turns the entries of A^T into those found in At?

sparse      matrices as sorted coordinates
stencils    the kernel that a matrix repeats, found in its entries
leaf_pair   one array against one array: entries with multi-indices
causes      what can be named
values, moves, kernels, losses      the hypotheses, by what they do to the entries
table       all of them, in the order of preference
judge       which of them reproduce the entries found
"""

from jaxdeconv.verify.diagnose.causes import Cause as Cause
from jaxdeconv.verify.diagnose.causes import Diagnosis as Diagnosis
from jaxdeconv.verify.diagnose.causes import Suspect as Suspect
from jaxdeconv.verify.diagnose.judge import diagnose as diagnose

__all__ = ["Cause", "Diagnosis", "Suspect", "diagnose"]
