"""What must not be read in a log is taken out of it, whoever wrote it there."""

from __future__ import annotations

import re

MASK = "***"

SHORTEST = 6
"""Shorter secrets are not looked for: they are parts of ordinary words."""

REMEMBERED_MAX = 1_000
"""Secrets that are looked for; the first to come stay."""

_SHAPES = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|\b(?i:bearer|basic)\s+(?=[a-z.~-]*[\dA-Z_+/=])[\w.~+/=-]{8,}"
    r"|(?<![\w-])eyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)*"
    r"|(?<=://)[^\s/@]+(?=@)",
    re.DOTALL,
)
"""Private keys, Authorization values, tokens of JOSE, and what stands before a URL's host."""


class Masking:
    """Knows every secret that was read, and what secrets look like."""

    def __init__(self) -> None:
        self._known: dict[str, None] = {}

    def remember(self, secret: str) -> None:
        """Look for this secret from now on."""
        if len(secret) >= SHORTEST and len(self._known) < REMEMBERED_MAX:
            self._known[secret] = None

    def mask(self, text: str) -> str:
        """Return the text without secrets."""
        for secret in self._known:
            if secret in text:
                text = text.replace(secret, MASK)
        return _SHAPES.sub(MASK, text)
