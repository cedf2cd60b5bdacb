"""Hypothesis strategies: every geometry that is drawn is valid, so none is rejected."""

from hypothesis import strategies as st

from jaxdeconv import ConvGeometry


@st.composite
def geometries(draw: st.DrawFn, max_ndim: int = 2, max_groups: int = 1) -> ConvGeometry:
    """A geometry with at least one output position per dimension; padding may crop."""
    ndim = draw(st.integers(0, max_ndim))
    kernel, stride, dilation, padding, sizes = [], [], [], [], []
    for _ in range(ndim):
        k, s, d = draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(st.integers(1, 3))
        low, high = draw(st.integers(-2, 4)), draw(st.integers(-2, 4))
        smallest = max(0, -low, -high, -low - high, d * (k - 1) + 1 - low - high)
        kernel.append(k)
        stride.append(s)
        dilation.append(d)
        padding.append((low, high))
        sizes.append(draw(st.integers(smallest, smallest + 6)))
    return ConvGeometry(
        tuple(sizes),
        tuple(kernel),
        tuple(stride),
        tuple(padding),
        tuple(dilation),
        draw(st.integers(1, max_groups)),
    )
