"""Globs over agent names, where only ``*`` and ``?`` are special."""

from __future__ import annotations

import re
from collections.abc import Iterable

AGENT_GLOB = re.compile(r"[A-Za-z0-9._:/@|+=*?-]{1,128}", re.ASCII)
"""What a glob over agent names may be made of: what names are made of, and the two signs."""


class Globs:
    """Patterns compiled once. A name matches as a whole, case-sensitively.

    Args:
        patterns: ``*`` stands for any number of characters, ``?`` for exactly one.
    """

    __slots__ = ("_exact", "_others", "_prefixes")

    def __init__(self, patterns: Iterable[str]) -> None:
        exact, prefixes, others = set(), [], []
        for pattern in patterns:
            if not set(pattern) & {"*", "?"}:
                exact.add(pattern)
            elif pattern.endswith("*") and not set(pattern[:-1]) & {"*", "?"}:
                prefixes.append(pattern[:-1])
            else:
                others.append(_compiled(pattern))
        self._exact = frozenset(exact)
        self._prefixes = tuple(prefixes)
        self._others = tuple(others)

    def match(self, name: str) -> bool:
        """Whether one of the patterns matches; linear in the name's length for each."""
        return (
            name in self._exact
            or name.startswith(self._prefixes)
            or any(other.fullmatch(name) for other in self._others)
        )


def _compiled(glob: str) -> re.Pattern[str]:
    """Return the expression of a glob.

    Each piece between two stars is looked for once, at its first place, in an atomic group:
    without that, a row of stars takes time without bound on a name that does not match.
    """
    first, *between = (_piece(piece) for piece in glob.split("*"))
    if not between:
        return re.compile(first, re.DOTALL)
    last = between.pop()
    middle = "".join(f"(?>.*?{piece})" for piece in between if piece)
    return re.compile(f"{first}{middle}.*{last}", re.DOTALL)


def _piece(text: str) -> str:
    return "".join("." if sign == "?" else re.escape(sign) for sign in text)
