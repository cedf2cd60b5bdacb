"""The public functions: conv, conv_transpose, kernel_gradient, and what they plan and measure.

The map, from the bottom up:

    functions       `conv`, `conv_transpose`, `kernel_gradient`
    plan            `plan`: what a public call would do, and why
    autotune        `autotune`: measure on the spot, and remember
"""

from jaxdeconv.legs.functions import PaddingMode, conv, conv_transpose, kernel_gradient

__all__ = ["PaddingMode", "conv", "conv_transpose", "kernel_gradient"]
