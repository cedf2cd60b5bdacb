import itertools
import random

from jaxdeconv.compilers.counting import products


def test_against_counting_one_by_one() -> None:
    rng = random.Random(0)
    for _ in range(300):
        size, taps, out, a, d, s = (rng.randint(1, 7) for _ in range(6))
        low = rng.randint(-4, 6)
        places = [d * t + s * y - low for t, y in itertools.product(range(taps), range(out))]
        in_step = [place // a for place in places if place % a == 0]
        factors = (a, d, s)
        assert products(size, taps, out, factors, low, padded=True) == len(in_step)
        stored = sum(0 <= i < size for i in in_step)
        assert products(size, taps, out, factors, low) == stored


def test_long_kernels_over_long_signals_take_no_time() -> None:
    assert products(10**9, 1024, 10**9 - 1023, (1, 1, 1), 0) == 1024 * (10**9 - 1023)
