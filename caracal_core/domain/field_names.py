"""The names of header fields: which are none, which are the same, which are the gateway's own."""

from __future__ import annotations

import re

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
"""A header field's name (RFC 9110 section 5.6.2)."""

FRAMING = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "http2-settings",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""They belong to one connection or one message, and each side of the gateway has its own."""


def canonical(name: str) -> str:
    """Return a field's name as servers tell names apart: many read ``_`` as ``-``."""
    return name.lower().replace("_", "-")


def is_gateways_own(name: str) -> bool:
    """Whether a field of this name is written, or read, by the gateway alone."""
    plain = canonical(name)
    return plain in FRAMING or plain.startswith("x-caracal-")
