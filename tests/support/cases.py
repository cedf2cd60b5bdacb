"""Named geometries: those of the contract that every algorithm must hold."""

from jaxdeconv.algorithms.contract import CASES as CASES
from jaxdeconv.algorithms.contract import Case as Case
from jaxdeconv.algorithms.contract import integers as integers
