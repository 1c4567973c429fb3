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


class Masking:
    """Knows every secret that was read, and what secrets look like."""

    def __init__(self) -> None:
        self._known: dict[str, None] = {}
        self._lock = threading.Lock()  # secrets are read in threads, and logs written in others

    def remember(self, secret: str) -> None:
        """Look for this secret from now on."""
        if len(secret) < SHORTEST:
            return
        with self._lock:
            self._known.pop(secret, None)
            if len(self._known) >= REMEMBERED_MAX:
                del self._known[next(iter(self._known))]
            self._known[secret] = None

    def mask(self, text: str) -> str:
        """Return the text without secrets."""
        with self._lock:
            known = tuple(self._known)
        for secret in known:
            if secret in text:
                text = text.replace(secret, MASK)
        return _SHAPES.sub(MASK, text)
