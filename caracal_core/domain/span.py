"""Spans of time as people write them: ``90d``, ``12h``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

LONGEST_SECONDS = 100 * 366 * 86_400.0

_FORM = re.compile(r"([0-9]{1,10})([smhdw])", re.ASCII)
_SECONDS: Mapping[str, int] = MappingProxyType(
    {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
)


def parse_span(text: str) -> float:
    """Return a span in seconds.

    Raises:
        ValueError: it is none, or longer than 100 years.
    """
    match = _FORM.fullmatch(text)
    span = float(int(match[1]) * _SECONDS[match[2]]) if match else LONGEST_SECONDS + 1
    if span > LONGEST_SECONDS:
        raise ValueError(
            f"{text!r:.60} is no span of time; write 90d, 24h, 30m, 45s or 2w, at most 100 years."
        )
    return span
