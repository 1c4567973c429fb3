"""A list as it is written where only text fits: words with commas between them."""

from __future__ import annotations


def words(value: object) -> object:
    """Return a string's comma-separated words; whatever is no string stays as it is."""
    if isinstance(value, str):
        return [word.strip() for word in value.split(",") if word.strip()]
    return value
