"""A column of values as PostgreSQL's own text of an array, made and read at once.

The driver asks of every single element whether it is an array of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from caracal_core.storage.errors import PART, Rejected

Element = str | int | float | None

_CONTROL = re.compile(r'\\[^"\\]')
"""How JSON writes a control character. PostgreSQL reads no more of it than its last letter."""


def array_literal(values: Sequence[Element]) -> str:
    """Return values as ``CAST(CAST($1 AS TEXT) AS TEXT[])`` reads them; None is NULL.

    But for control characters and its brackets it is what JSON writes.

    Raises:
        Rejected: a text has half a character, which PostgreSQL does not store.
    """
    try:
        text = msgspec.json.encode(values).decode()
    except UnicodeEncodeError as error:
        raise Rejected(PART, f"a text cannot be encoded: {error.reason}") from None
    if "\\" in text and _CONTROL.search(text):
        text = f"[{','.join(map(_element, values))}]"
    return f"{{{text[1:-1]}}}"


def _element(value: Element) -> str:
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return "NULL" if value is None else str(value)
