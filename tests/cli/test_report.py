import math

import pytest

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


def test_json_has_no_words_for_infinity() -> None:
    assert report._finite(math.inf) is report._finite(math.nan) is None
    assert report._finite(0.5) == 0.5
