"""An option's span of time is read by core's own rule, and anything else is a mistake of usage."""

import click
import pytest

from caracal_auth_apikey.durations import seconds
from caracal_core.domain.span import parse_span


def read(value):
    return seconds(None, None, value)


@pytest.mark.parametrize("text", ["0s", "30m", "90d", "2w"])
def test_a_span_is_read_as_everywhere(text):
    assert read(text) == parse_span(text)


def test_nothing_is_nothing():
    assert read(None) is None


@pytest.mark.parametrize("text", ["", "90", "1d12h", "1d\n", "36601d"])
def test_anything_else_is_refused_with_an_example(text):
    with pytest.raises(click.BadParameter, match="90d"):
        read(text)
