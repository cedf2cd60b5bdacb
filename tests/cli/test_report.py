import math

import pytest
from jaxdeconv.cli.checks import Agreement

from jaxdeconv.cli import report


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0.0%"),
        (1e-9, "<0.1%"),
        (0.0512, "5.1%"),
        (1.5, "150.0%"),
        (3e6, "3e+06x"),
        (math.inf, "inf"),
        (math.nan, "nan"),
    ],
)
def test_percent(share, text) -> None:
    assert report._percent(share) == text


def test_not_a_number_is_the_worst() -> None:
    good = Agreement(1.0, 0.1, None, None, 2.0, 0.2)
    bad = Agreement(math.nan, math.nan, None, None, 0.5, 0.3)
    for pair in ([good, bad], [bad, good]):
        deviation, share, gap, gap_share = report._worst(pair)
        assert math.isnan(deviation)
        assert math.isnan(share)
        assert (gap, gap_share) == (2.0, 0.3)


def test_json_has_no_words_for_infinity() -> None:
    assert report._finite(math.inf) is report._finite(math.nan) is None
    assert report._finite(0.5) == 0.5
