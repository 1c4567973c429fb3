"""Money: whole micro-units of one currency, never a float and never negative."""

from __future__ import annotations

import re

from msgspec import Struct

MICRO = 1_000_000
LARGEST = 2**63 - 1

LONGEST = 26
"""The most characters of an amount: 19 digits, the point, 6 places."""

_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,18})(?:\.([0-9]{1,6}))?", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)


class Money(Struct, frozen=True, gc=False):  # no cycle of a number and a word
    """An exact, non-negative amount.

    Attributes:
        micro: the amount in millionths of the currency's unit, 0 to 2**63 - 1.
        currency: three capital letters, as in ISO 4217.

    Raises:
        ValueError: the amount is no such integer, or the currency no such code.
    """

    micro: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.micro) is not int or not 0 <= self.micro <= LARGEST:
            raise ValueError(f"an amount is a whole number of micro-units from 0 to {LARGEST}")
        if not _CURRENCY.fullmatch(self.currency):
            raise ValueError("a currency is three capital letters, such as USD")

    @classmethod
    def parse(cls, text: str, currency: str) -> Money:
        """Read a plain decimal such as ``0.25``: no sign, no exponent, at most 6 places.

        Raises:
            ValueError: the text is anything else, or larger than 2**63 - 1 micro-units.
        """
        match = _DECIMAL.fullmatch(text)
        if match is None:
            rule = "an amount is a plain decimal with at most 6 places, such as 0.25"
            raise ValueError(rule + too_long(text, LONGEST))
        whole, places = match.groups(default="")
        return cls(int(whole) * MICRO + int(places.ljust(6, "0")), currency)

    @property
    def decimal(self) -> str:
        """The amount as a plain decimal without trailing zeros: ``0.25``, ``3``, ``0``."""
        return decimal(self.micro)

    def __str__(self) -> str:
        return f"{self.decimal} {self.currency}"


def decimal(micro: int) -> str:
    """Return micro-units, of an amount or of any sum of amounts, as `Money.decimal` does."""
    whole, places = divmod(micro, MICRO)
    return f"{whole}.{places:06d}".rstrip("0").rstrip(".")


def too_long(text: str, longest: int) -> str:
    """Return what to add to the words on a text that is no amount: nothing where it is short."""
    if len(text) <= longest:
        return ""
    return f"; this text is too long, {len(text)} characters where {longest} do for every amount"
