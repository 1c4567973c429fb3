"""Spans of time on the command line: ``90d``, ``24h``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

import click

LONGEST_SECONDS = 100 * 366 * 86_400.0

_FORM = re.compile(r"([0-9]{1,10})([smhdw])", re.ASCII)
_SECONDS: Mapping[str, int] = MappingProxyType(
    {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
)


def seconds(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> float | None:
    """Read an option's value, such as ``90d``, as seconds."""
    if value is None:
        return None
    match = _FORM.fullmatch(value)
    span = float(int(match[1]) * _SECONDS[match[2]]) if match else LONGEST_SECONDS + 1
    if span > LONGEST_SECONDS:
        raise click.BadParameter(
            f"{value!r} is no span of time; write 90d, 24h, 30m, 45s or 2w, at most 100 years."
        )
    return span
