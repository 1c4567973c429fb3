"""A number of things in words: ``1 key``, ``2 keys``."""

from __future__ import annotations


def counted(number: int, thing: str) -> str:
    """Return the number and the thing's name, which takes an s where there is not one of it."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
