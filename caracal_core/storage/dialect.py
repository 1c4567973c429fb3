"""What the two dialects write differently."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
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

WRITES_NOTHING_NEW = "PRAGMA user_version = 0"
"""Has SQLite write its first page as it stands. No other statement does: it sees that an UPDATE
changes nothing, and spares itself the disk."""

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
_CONTROL = frozenset(
    {"BEGIN", "START", "COMMIT", "END", "ABORT", "ROLLBACK", "SAVEPOINT", "RELEASE", "PREPARE"}
    | {"PRAGMA", "ATTACH", "DETACH", "SET", "RESET", "DISCARD"}
)
"""What begins or ends a transaction, or changes the connection for whoever has it next."""
_WRITES = frozenset({"INSERT", "UPDATE", "DELETE", "REPLACE"})


class Statement(Struct, frozen=True):
    """A statement as SQLite wants it.

    Attributes:
        sql: the text, with a ``?`` for each parameter; from Python 3.14 on the driver takes
            numbered ones by name only.
        order: the position of the argument that each ``?`` stands for, from 0.
        takes: how many arguments there have to be.
        reads: whether it only reads, so that it may run beside a writer.
    """

    sql: str
    order: tuple[int, ...]
    takes: int
    reads: bool

    def bind(self, arguments: Sequence[object]) -> Sequence[object]:
        """Return the arguments in the order and number in which the text asks for them.

        Raises:
            ValueError: there are too few or too many.
        """
        if len(arguments) != self.takes:
            raise ValueError(f"{self.takes} arguments are needed, {len(arguments)} were given")
        return [arguments[position] for position in self.order]


@lru_cache(maxsize=STATEMENTS)
def for_sqlite(sql: str) -> Statement:
    """Translate the positional parameters and see whether the statement writes."""
    words: list[str] = []
    order: list[int] = []

    def replace(match: re.Match[str]) -> str:
        if word := match["word"]:
            words.append(word.upper())
        if not match["position"]:
            return match[0]
        order.append(int(match["position"]) - 1)
        return "?"

    text = _TOKEN.sub(replace, sql)
    reads = words[:1] in (["SELECT"], ["WITH"]) and _WRITES.isdisjoint(words)
    return Statement(text, tuple(order), max(order, default=-1) + 1, reads)


@lru_cache(maxsize=STATEMENTS)
def control(sql: str) -> str | None:
    """Return the word by which a statement would take the transaction or the connection over.

    Both are the store's own: others share them, or get them next. None where it does neither.
    """
    if sql == WRITES_NOTHING_NEW:
        return None
    words = (match["word"] for match in _TOKEN.finditer(sql))
    first = next(filter(None, words), "").upper()
    return first if first in _CONTROL else None
