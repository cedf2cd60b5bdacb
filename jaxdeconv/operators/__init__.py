"""Linear maps: the convolution as an operator, its matrix, its spectrum, and its inverse.

    K = ConvOperator(w, input_shape, ...);  K @ v,  K.T @ u,  K.H,  K.gram,  K.as_matrix()
    singular_values(K),  rank(K),  norm_bounds(K),  checkerboard(K)
    lstsq(K, u),  pinv(K),  wiener(K, noise_to_signal),  richardson_lucy(K, u)

Its own map, a module importing only from above itself:

    classes          linear maps as pytrees
    vectors          what linear maps accept: shapes, batches, dtypes
    shapes           with axes of channels or without
    views            as operators of SciPy, lineax and pylops
    synonyms         the method names of SciPy and pylops: matvec, dot, K(v), K / u
    algebra          LinearMap: `@`, transposes, sums, multiples, products
    stacking         vstack and hstack; the identity
    entries          positions of the matrix's entries, supports, structure
    matrix           the matrix of a ConvOperator, dense and sparse
    convolution      ConvOperator
    overlap          how evenly the transpose covers its output: checkerboards
    polyphase        circulant operators in the frequency domain
    filters          pseudo-inverse, Wiener filter, preconditioner
    spectra          singular values, rank, null space
    bounds           norm and condition of any operator, from both sides
    krylov           conjugate gradients
    least_squares    lstsq
    richardson_lucy  non-negative images from counts
    inverse_report   the transpose is not the inverse, in numbers

SciPy, lineax and pylops are imported when they are first needed: `pip install
"jaxdeconv[operators]"`.

K is a correlation; to blur by a point spread function pass it reversed (see `ConvOperator`). The
only regulariser here is damping: for total variation, sparsity and the like use pylops, whose
solvers take `K.as_pylops()`.
"""

from jaxdeconv.operators.algebra import LinearMap as LinearMap
from jaxdeconv.operators.bounds import Bracket as Bracket
from jaxdeconv.operators.bounds import condition_bounds as condition_bounds
from jaxdeconv.operators.bounds import norm_bounds as norm_bounds
from jaxdeconv.operators.bounds import smallest_bounds as smallest_bounds
from jaxdeconv.operators.convolution import ConvOperator as ConvOperator
from jaxdeconv.operators.filters import gram_inverse as gram_inverse
from jaxdeconv.operators.filters import pinv as pinv
from jaxdeconv.operators.filters import wiener as wiener
from jaxdeconv.operators.inverse_report import InverseReport as InverseReport
from jaxdeconv.operators.inverse_report import inverse_report as inverse_report
from jaxdeconv.operators.least_squares import ConvergenceWarning as ConvergenceWarning
from jaxdeconv.operators.least_squares import NotConverged as NotConverged
from jaxdeconv.operators.least_squares import Solution as Solution
from jaxdeconv.operators.least_squares import lstsq as lstsq
from jaxdeconv.operators.overlap import Checkerboard as Checkerboard
from jaxdeconv.operators.overlap import checkerboard as checkerboard
from jaxdeconv.operators.overlap import overlap_count as overlap_count
from jaxdeconv.operators.richardson_lucy import Deconvolved as Deconvolved
from jaxdeconv.operators.richardson_lucy import richardson_lucy as richardson_lucy
from jaxdeconv.operators.spectra import null_space as null_space
from jaxdeconv.operators.spectra import nullity as nullity
from jaxdeconv.operators.spectra import rank as rank
from jaxdeconv.operators.spectra import singular_values as singular_values
from jaxdeconv.operators.stacking import Identity as Identity
from jaxdeconv.operators.stacking import hstack as hstack
from jaxdeconv.operators.stacking import vstack as vstack

__all__ = [
    "Bracket",
    "Checkerboard",
    "ConvOperator",
    "ConvergenceWarning",
    "Deconvolved",
    "Identity",
    "InverseReport",
    "LinearMap",
    "NotConverged",
    "Solution",
    "checkerboard",
    "condition_bounds",
    "gram_inverse",
    "hstack",
    "inverse_report",
    "lstsq",
    "norm_bounds",
    "null_space",
    "nullity",
    "overlap_count",
    "pinv",
    "rank",
    "richardson_lucy",
    "singular_values",
    "smallest_bounds",
    "vstack",
    "wiener",
]
