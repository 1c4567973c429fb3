"""Instants are read as people write them, in UTC unless they say otherwise; and so are spans."""

from __future__ import annotations

import click
import pytest

from caracal_core.cli.moments import moment, shown, span

CONTEXT, OPTION = click.Context(click.Command("test")), click.Option(["--since"])


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-23", 1_795_392_000),
        ("2026-11-23T01:00", 1_795_395_600),
        ("2026-11-23T01:00:00Z", 1_795_395_600),
        ("2026-11-23T01:00:00.5+01:00", 1_795_392_000.5),
        (None, None),
    ],
)
def test_iso_8601_is_read(text, seconds):
    assert moment(CONTEXT, OPTION, text) == seconds


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "1795392000", "nan"])
def test_anything_else_is_explained(text):
    with pytest.raises(click.BadParameter, match="write 2026-01-31"):
        moment(CONTEXT, OPTION, text)


def test_what_is_shown_can_be_read_again():
    assert shown(1_795_395_600.75) == "2026-11-23T01:00:00+00:00"
    assert moment(CONTEXT, OPTION, shown(1_795_395_600)) == 1_795_395_600
    assert shown(None) is None


def test_a_span_is_read_and_anything_else_explained():
    assert span(CONTEXT, OPTION, "2h") == 7200
    assert span(CONTEXT, OPTION, None) is None
    with pytest.raises(click.BadParameter, match="write 90d"):
        span(CONTEXT, OPTION, "soon")
