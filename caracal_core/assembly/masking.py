"""What must not be read in a log is taken out of it, whoever wrote it there."""

from __future__ import annotations

import re
import threading

MASK = "***"

SHORTEST = 6
"""Shorter secrets are not looked for: they are parts of ordinary words."""

REMEMBERED_MAX = 1_000
"""Secrets that are looked for; those that were read last stay, for files rotate."""

_SHAPES = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|\b(?i:bearer|basic)\s+(?=[a-z.~-]*[\dA-Z_+/=])[\w.~+/=-]{8,}"
    r"|(?<![\w-])eyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)*"
    r"|(?<=://)[^\s/@]+(?=@)"
    r"|(?<=\bck_[a-z2-7]{16}_)[a-z2-7]{4,}",
    re.DOTALL,
)
"""Private keys, Authorization values, tokens of JOSE, what stands before a URL's host, and the
secrets of API keys, whose ids stay."""

_MARKS = ("://", "eyJ", "ck_")
"""Each shape holds one of them, or several words: private keys and Authorization values do."""


class Masking:
    """Knows every secret that was read, and what secrets look like."""

    def __init__(self) -> None:
        self._known: tuple[str, ...] = ()
        self._lock = threading.Lock()  # secrets are read in several threads

    def remember(self, secret: str) -> None:
        """Look for this secret from now on."""
        if len(secret) < SHORTEST:
            return
        with self._lock:
            kept = [known for known in self._known if known != secret]
            self._known = (*kept, secret)[-REMEMBERED_MAX:]

    def mask(self, text: str) -> str:
        """Return the text without secrets."""
        for secret in self._known:
            if secret in text:
                text = text.replace(secret, MASK)
        return _SHAPES.sub(MASK, text) if _may_hold_a_shape(text) else text


def _may_hold_a_shape(text: str) -> bool:
    """Rule out the most of paths and ids, at a tenth of what looking for the shapes costs."""
    for mark in _MARKS:
        if mark in text:
            return True
    return len(text.split(None, 1)) > 1
