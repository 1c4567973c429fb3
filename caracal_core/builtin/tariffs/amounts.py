"""Amounts as prices are written: decimal strings, exact."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from caracal_core.builtin.tariffs.price import PICO
from caracal_core.domain import Money
from caracal_core.domain.money import LARGEST, too_long

_FINE_LONGEST = 32
"""The most characters of an amount with 12 places."""
_FINE = re.compile(r"(0|[1-9][0-9]{0,18})(?:\.([0-9]{1,12}))?", re.ASCII)


def picos(text: str) -> int:
    """Read a plain decimal of at most 12 places as pico-units.

    Raises:
        ValueError: the text is anything else, or too large for a ledger.
    """
    match = _FINE.fullmatch(text)
    if match is None:
        rule = (
            "an amount of this kind is a plain decimal with at most 12 places, such as 0.00000002"
        )
        raise ValueError(rule + too_long(text, _FINE_LONGEST))
    whole, places = match.groups(default="")
    amount = int(whole) * 10**12 + int(places.ljust(12, "0"))
    if amount > LARGEST * PICO:
        raise ValueError(f"an amount is at most {LARGEST} micro-units")
    return amount


def micros(text: str) -> int:
    """Read a plain decimal of at most 6 places as micro-units.

    What a million of something costs in micro-units is what each of it costs in pico-units.

    Raises:
        ValueError: the text is anything else, or too large for a ledger.
    """
    return Money.parse(text, "XXX").micro


def _written_as_string(value: object) -> object:
    """Refuse YAML's numbers: a float is not what was written down."""
    if not isinstance(value, str):
        raise ValueError(  # noqa: TRY004 - pydantic reports ValueErrors only
            'an amount is a string, so that it stays exact; write it in quotes, such as "0.002"'
        )
    return value


def _coarse(text: str) -> str:
    micros(text)
    return text


def _fine(text: str) -> str:
    picos(text)
    return text


Amount = Annotated[str, BeforeValidator(_written_as_string), AfterValidator(_coarse)]
"""An amount of at most 6 places: for a call, or for a million tokens."""

FineAmount = Annotated[str, BeforeValidator(_written_as_string), AfterValidator(_fine)]
"""An amount of at most 12 places: for a byte, a second, a unit."""
