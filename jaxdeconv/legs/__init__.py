"""The public functions: conv, conv_transpose, kernel_gradient, and what they plan and measure.

The map, from the bottom up:

    keywords        the types of the keywords that they take
    prepare         a call, checked and posed from shapes and dtypes alone
    functions       `conv`, `conv_transpose`, `kernel_gradient`
    plan            `plan`: what a public call would do, and why
    autotune        `autotune`: measure on the spot, and remember
"""

from jaxdeconv.legs.functions import conv, conv_transpose, kernel_gradient
from jaxdeconv.legs.keywords import ConvKeywords, PaddingMode

__all__ = ["ConvKeywords", "PaddingMode", "conv", "conv_transpose", "kernel_gradient"]
