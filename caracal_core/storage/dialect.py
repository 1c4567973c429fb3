"""What the two dialects write differently."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from msgspec import Struct

from caracal_core.ports import Dialect

NOW: Mapping[Dialect, str] = MappingProxyType(
    {
        "postgresql": "extract(epoch FROM clock_timestamp())::double precision",
        "sqlite": "((julianday('now') - 2440587.5) * 86400.0)",
    }
)
"""The database's own clock as an SQL expression: unix seconds, to the millisecond or better."""

STATEMENTS = 512
"""How many distinct statements are remembered."""

_TOKEN = re.compile(
    r"""
    '(?:[^']|'')*'              # a string
    | "(?:[^"]|"")*"            # a quoted name
    | --[^\n]*                  # a comment
    | /\*.*?\*/                 # a comment
    | \$(?P<position>[1-9][0-9]*)
    | (?P<word>[A-Za-z_]+)
    """,
    re.VERBOSE | re.DOTALL,
)
_WRITES = frozenset({"INSERT", "UPDATE", "DELETE", "REPLACE"})


class Statement(Struct, frozen=True):
    """A statement as SQLite wants it.

    Attributes:
        sql: the text, with ``?1`` for each ``$1``.
        reads: whether it only reads, so that it may run beside a writer.
    """

    sql: str
    reads: bool


@lru_cache(maxsize=STATEMENTS)
def for_sqlite(sql: str) -> Statement:
    """Translate the positional parameters and see whether the statement writes."""
    words: list[str] = []

    def replace(match: re.Match[str]) -> str:
        if word := match["word"]:
            words.append(word.upper())
        return f"?{match['position']}" if match["position"] else match[0]

    text = _TOKEN.sub(replace, sql)
    reads = words[:1] in (["SELECT"], ["WITH"]) and _WRITES.isdisjoint(words)
    return Statement(text, reads)
