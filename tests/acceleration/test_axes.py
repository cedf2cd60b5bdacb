import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from jaxdeconv.acceleration.axes import Axis, dilated, simplify

axes = st.builds(
    Axis,
    st.tuples(*[st.integers(0, 5)] * 3),
    st.tuples(*[st.integers(1, 6)] * 3),
    st.integers(-9, 9),
)


def terms(axis: Axis) -> set[tuple[int, ...]]:
    """All (i, t, y) that satisfy the equation, as indices of the given arrays, by trying them."""
    a, d, s = axis.factors
    joined = (
        index
        for index in itertools.product(*map(range, axis.sizes))
        if a * index[0] + axis.low == d * index[1] + s * index[2]
    )
    return {
        tuple(first + step * n for n, (first, step) in zip(index, axis.cuts, strict=True))
        for index in joined
    }


@settings(max_examples=1000)
@given(axes)
def test_no_term_is_lost_and_none_is_new(axis: Axis) -> None:
    simple = simplify(axis)
    assert (set() if simple is None else terms(simple)) == terms(axis)


@settings(max_examples=300)
@given(axes)
def test_factors_become_pairwise_coprime(axis: Axis) -> None:
    simple = simplify(axis)
    if simple is not None:
        pairs = itertools.combinations(simple.factors, 2)
        assert all(not (x % p == 0 and y % p == 0) for x, y in pairs for p in (2, 3, 5))


@settings(max_examples=300)
@given(axes)
def test_zeros_written_out_join_the_same_entries(axis: Axis) -> None:
    if axis.sizes[0]:
        written = dilated(axis)
        spread = {(i * axis.factors[0], t, y) for i, t, y in terms(axis)}
        among = {(i, t, y) for i, t, y in terms(written) if i % axis.factors[0] == 0}
        assert among == spread
        assert written.sizes[0] == (axis.sizes[0] - 1) * axis.factors[0] + 1


def test_the_check_notices_a_wrong_padding() -> None:
    axis = Axis((4, 3, 5), (2, 1, 2), 1)
    simple = simplify(axis)
    assert simple is not None
    assert terms(Axis(simple.sizes, simple.factors, simple.low + 1, simple.cuts)) != terms(axis)
