"""Spans of time on the command line: ``90d``, ``24h``."""

from __future__ import annotations

import click

from caracal_core.domain.span import parse_span


def seconds(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> float | None:
    """Read an option's value, such as ``90d``, as seconds."""
    try:
        return None if value is None else parse_span(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
