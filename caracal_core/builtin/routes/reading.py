"""How an upstream may read a path, where the gateway reads it as it is written."""

from __future__ import annotations

import re
from collections.abc import Iterator

_PARAMETERS = re.compile(";|%3b", re.IGNORECASE)


def is_ambiguous(path: str) -> bool:
    """Whether an upstream might read the path as another one; cheap, and true too often."""
    return ";" in path or "%" in path or "./" in path or path.endswith(".")


def climbs(path: str) -> bool:
    """Whether some server might read a segment of the path as a dot segment."""
    return any(not name.strip(". ") and "." in name for name in _names(path))


def most_lenient(path: str) -> str:
    """Return the path with all left out that some servers leave out.

    Servlet containers drop a segment's parameters (RFC 3986 section 3.3), Windows servers the
    dots and spaces at a segment's end, and both an empty segment that remains.
    """
    bare = (name.rstrip(". ") for name in _names(path))
    return "".join(f"/{name}" for name in bare if name)


def _names(path: str) -> Iterator[str]:
    """Yield the segments without parameters, encoded spaces decoded."""
    for segment in path.split("/"):
        yield _PARAMETERS.split(segment, maxsplit=1)[0].replace("%20", " ")
