"""Why an exchange did not go well: one line for the operator, and no secret in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from caracal_core.domain import Headers
from caracal_core.domain.field_names import canonical
from caracal_core.errors import Answered

REASON_MAX = 200
"""The longest reason, in characters; what is longer is cut."""

CLIENT_GONE = "the client hung up"

WITHHELD = "withheld: it held the client's credential"

_LOOKED_AT_MAX = 10_000
_SHORTEST_SECRET = 6
"""Shorter words of a credential are parts of ordinary ones, ``Bearer`` of none that matters."""


class Reasons:
    """Words reasons from what ended an exchange.

    Args:
        mask: takes out of a text what is known for a secret, or looks like one.
        credentials: the canonical names of the fields that may hold an agent's credential.
    """

    def __init__(self, mask: Callable[[str], str], credentials: frozenset[str]) -> None:
        self._mask = mask
        self._credentials = credentials

    def word(self, error: BaseException | None, headers: Headers | None = None) -> str | None:
        """Return one line of at most `REASON_MAX` printable characters, or None for no error.

        A plugin words its own refusals. One that quotes the credential it was shown is not
        repeated, nor is what the house knows for a secret. Whatever the error is, this returns:
        a story that cannot be worded is told with the error's type.

        Args:
            error: what ended the exchange.
            headers: the request's, where there was a request.
        """
        if error is None:
            return None
        with suppress(BaseException):  # a plugin's own class may do anything; nothing waits in it
            return self._worded(_said(error), headers)
        return _one_line(_raised(error))

    def hide(self, text: str) -> str:
        """Return a word of the client's, such as its path, without what looks like a secret."""
        return self._mask(text)

    def _worded(self, text: str, headers: Headers | None) -> str:
        text = text[:_LOOKED_AT_MAX]
        if headers is not None and self._quotes(text, headers):
            return WITHHELD
        return _one_line(self._mask(text))

    def _quotes(self, text: str, headers: Headers) -> bool:
        """Whether the text holds a word of a credential of the request."""
        return any(
            word in text
            for name, value in headers
            if canonical(name) in self._credentials
            for word in value.split()
            if len(word) > _SHORTEST_SECRET
        )


def _said(error: BaseException) -> str:
    """Return what an error says of itself; of one that is not the house's, its type alone.

    So of one whose reason is no text: another exception's words may hold anything.
    """
    if isinstance(error, Answered):
        reason = error.reason
        return reason if isinstance(reason, str) else _raised(error)
    if isinstance(error, asyncio.CancelledError):
        return CLIENT_GONE
    return _raised(error)


def _raised(error: BaseException) -> str:
    return f"raised {type(error).__name__}"


def _one_line(text: str) -> str:
    """Escape what would not print, and cut what is too long."""
    if not text.isprintable():
        text = "".join(
            each if each.isprintable() else each.encode("unicode_escape").decode("ascii")
            for each in text
        )
    return text if len(text) <= REASON_MAX else f"{text[: REASON_MAX - 3]}..."
