"""Where a value stands in the configuration, and how that is written for people."""

from __future__ import annotations

import json
import re

Path = tuple[str | int, ...]
"""Keys of mappings and indexes of lists, from the root to the value."""

_PLAIN = re.compile(r"[A-Za-z0-9_-]+")


def dotted(path: Path) -> str:
    """Write a path as ``routes[0].upstream``; a key with other characters is quoted."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{json.dumps(step)}]"
    return text
