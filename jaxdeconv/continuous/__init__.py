"""The strided convolution of functions, and its transpose, by quadrature.

    (K_s v)(y) = integral of k(s*y - x) v(x) dx        (K_s^T u)(x) = integral of k(s*y - x) u(y) dy

Both have the same kernel k(s*y - x) and differ only in the variable of integration. They are the
limits of `conv` and `conv_transpose` as the cells shrink, and the sums become integrals.

    functions    a function of finite support, and integrals over it
    operator     K_s and K_s^T: functions -> functions, with their supports
    sampling     the discrete convolution that approximates K_s, and its order

One dimension only. Use 64-bit mode (`jax.enable_x64`) for more than 7 digits.
"""

from jaxdeconv.continuous.functions import Function as Function
from jaxdeconv.continuous.functions import Quadrature as Quadrature
from jaxdeconv.continuous.functions import inner as inner
from jaxdeconv.continuous.operator import ContinuousConv as ContinuousConv
from jaxdeconv.continuous.sampling import Sampling as Sampling
from jaxdeconv.continuous.sampling import order as order
from jaxdeconv.continuous.sampling import sample as sample

__all__ = ["ContinuousConv", "Function", "Quadrature", "Sampling", "inner", "order", "sample"]
