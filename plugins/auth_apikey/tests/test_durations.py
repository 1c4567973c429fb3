"""Spans of time as people write them, and nothing else."""

import click
import pytest

from caracal_auth_apikey.durations import LONGEST_SECONDS, seconds


def read(value):
    return seconds(None, None, value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0s", 0), ("45s", 45), ("30m", 1800), ("24h", 86_400), ("90d", 7_776_000), ("2w", 1_209_600)],
)
def test_a_span_is_a_number_and_a_unit(text, expected):
    assert read(text) == expected


def test_nothing_is_nothing():
    assert read(None) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "90",
        "d",
        "1.5h",
        "-1d",
        "+1d",
        "90 d",
        "90D",
        "1y",
        "1d12h",
        "\u0665d",
        "9999999999w",
        "1d\n",
    ],
)
def test_anything_else_is_refused_with_an_example(text):
    with pytest.raises(click.BadParameter, match="90d"):
        read(text)


def test_the_longest_span_is_a_century():
    assert read("5217w") < LONGEST_SECONDS
    with pytest.raises(click.BadParameter):
        read("36601d")
