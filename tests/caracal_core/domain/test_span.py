"""A span is a whole number with a unit, and nothing else is one."""

import pytest

from caracal_core.domain.span import LONGEST_SECONDS, parse_span


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0s", 0), ("45s", 45), ("30m", 1800), ("24h", 86_400), ("90d", 7_776_000), ("2w", 1_209_600)],
)
def test_units(text, seconds):
    assert parse_span(text) == seconds


def test_a_hundred_years_is_the_longest():
    assert parse_span(f"{100 * 366}d") == LONGEST_SECONDS
    with pytest.raises(ValueError, match="at most 100 years"):
        parse_span(f"{100 * 366 + 1}d")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "90",
        "d",
        "1.5h",
        "-1d",
        "+1d",
        "1 d",
        "1D",
        "1y",
        "1d12h",
        "٣d",
        "1d\n",
        "9999999999w",
        "9" * 30,
    ],
)
def test_anything_else_is_explained_in_few_words(text):
    with pytest.raises(ValueError, match="write 90d") as caught:
        parse_span(text)
    assert len(str(caught.value)) < 160
