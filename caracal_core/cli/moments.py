"""Instants and spans of time on the command line: ISO 8601, and ``90d``."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from caracal_core.domain.span import parse_span


def moment(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> float | None:
    """Read an option's value, such as ``2026-01-31`` or ``2026-01-31T12:00``, as unix seconds.

    It is in UTC unless it says otherwise, as in ``2026-01-31T12:00+01:00``.
    """
    if value is None:
        return None
    try:
        read = datetime.fromisoformat(value)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f"{value!r} is no moment; write 2026-01-31 or 2026-01-31T12:00."
        ) from None


def span(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> float | None:
    """Read an option's value, such as ``90d``, as seconds."""
    try:
        return None if value is None else parse_span(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def shown(at: float | None) -> str | None:
    """Return unix seconds as ISO 8601 in UTC, to the second."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
