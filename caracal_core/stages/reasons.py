"""Why an exchange did not go well: one line for the operator, and no secret in it."""

from __future__ import annotations

import asyncio
import re
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import suppress

from caracal_core.domain import Headers
from caracal_core.domain.field_names import canonical
from caracal_core.errors import Answered

REASON_MAX = 200
"""The longest reason, in characters; what is longer is cut."""

CLIENT_GONE = "the client hung up"

WITHHELD = "withheld: it held the client's credential"

UNTOLD = "withheld: the client's credential has too many words to look for"

_LOOKED_AT_MAX = 10_000
_LOOKED_FOR_MAX = 100
_SHORTEST_SECRET = 6
"""Shorter words of a credential are parts of ordinary ones, ``Bearer`` of none that matters."""

_PARTS = re.compile(r'[\s=,;:"]+')
"""What stands between a credential's words, and between the names and values of its parameters."""


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

        A plugin words its own refusals. One that holds a word of the credential it was shown, as
        it was sent or in letters of another case, is not repeated; one that holds it otherwise
        encoded, or in fragments, is not known for it. Nor is what the house knows for a secret
        repeated. Whatever the error is, this returns:
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
        secrets = frozenset() if headers is None else self._secrets(headers)
        if len(secrets) > _LOOKED_FOR_MAX:
            return UNTOLD
        folded = text.casefold()
        if any(secret in folded for secret in secrets):
            return WITHHELD
        return _one_line(self._mask(text))

    def _secrets(self, headers: Headers) -> frozenset[str]:
        """Return the words of the request's credentials that are long enough, case-folded."""
        return frozenset(
            word.casefold()
            for name, value in headers
            if canonical(name) in self._credentials
            for word in _words(value)
            if len(word) > _SHORTEST_SECRET
        )


def _words(value: str) -> Iterator[str]:
    """Give each word of a credential, each part of one, and the user and password of Basic."""
    yield from value.split()
    yield from _PARTS.split(value)
    scheme, _, rest = value.partition(" ")
    if scheme.casefold() == "basic":
        with suppress(ValueError):  # it is no Basic after all
            user, _, password = (
                b64decode(f"{rest.strip()}==").decode(errors="replace").partition(":")
            )
            yield from (user, password)


def _said(error: BaseException) -> str:
    """Return what an error says of itself; of one that is not the house's, its type alone.

    So of one whose reason is no text: another exception's words may hold anything.
    """
    if isinstance(error, Answered):
        reason = error.reason
        return reason if isinstance(reason, str) else _raised(error)
    if isinstance(error, asyncio.CancelledError):
        then = error.__cause__
        return f"{CLIENT_GONE}; then: {_said(then)}" if isinstance(then, Answered) else CLIENT_GONE
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
