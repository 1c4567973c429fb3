"""Patterns over the names in certificates: what matches whole, and which agent that is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct

AGENT_NAME = re.compile(r"[A-Za-z0-9._:/@|+=-]{1,128}", re.ASCII)
"""What an agent can be called."""

SEGMENT_ENDS: Mapping[str, str] = MappingProxyType(
    {"spiffe": "/", "uri": "/", "dns": ".", "cn": ""}
)
"""The kinds of names, and what parts the segments of each; a common name is one segment."""

_SIGN = re.compile(r"\{(?P<name>[^{}]*)\}|(?P<star>\*)|[{}]")
_PLACE = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)


class Pattern(Struct, frozen=True):
    """A pattern of one kind of name.

    Attributes:
        kind: one of `SEGMENT_ENDS`.
        expression: matches a name as a whole.
        template: the agent's name, with the pattern's places in braces.
    """

    kind: str
    expression: re.Pattern[str]
    template: str

    def agent(self, name: str) -> str | None:
        """Return the agent that a name stands for, or None where the pattern does not match."""
        found = self.expression.fullmatch(name)
        return self.template.format_map(found.groupdict()) if found else None


def compile_pattern(kind: str, pattern: str, template: str) -> Pattern:
    """Make a pattern.

    ``{place}`` stands for characters of agents' names and ``*`` for any, both within one
    segment and for at least one character. There is at most one of them in a segment, so that
    a name can be read in one way only.

    Args:
        kind: one of `SEGMENT_ENDS`; DNS names are matched in lower case.
        pattern: what a name has to look like.
        template: the agent's name, made of the pattern's places.

    Raises:
        ValueError: it is no pattern, or the template names other places.
    """
    if kind == "dns":
        pattern = pattern.lower()
    places, parts, last, segment = set[str](), list[str](), 0, -1
    for sign in _SIGN.finditer(pattern):
        place = sign["name"]
        if not sign["star"] and not (place and _PLACE.fullmatch(place)):
            raise ValueError("has a brace that is no place, such as {agent}")
        if place in places:
            raise ValueError("has a place twice")
        here = _segment(kind, pattern[: sign.start()])
        if here == segment:
            raise ValueError(
                "has two places in one segment, so that a name could be read in two ways"
            )
        segment = here
        parts.append(re.escape(pattern[last : sign.start()]))
        parts.append(_group(kind, place))
        places |= {place} if place else set()
        last = sign.end()
    expression = "".join(parts) + re.escape(pattern[last:])
    _check_template(template, places)
    return Pattern(kind, re.compile(expression, re.ASCII), template)


def _segment(kind: str, before: str) -> int:
    end = SEGMENT_ENDS[kind]
    return before.count(end) if end else 0


def _group(kind: str, place: str | None) -> str:
    end = re.escape(SEGMENT_ENDS[kind])
    if place is None:
        return f"[^{end}]+" if end else ".+"
    characters = "A-Za-z0-9._:/@|+=-".replace(SEGMENT_ENDS[kind] or " ", "")
    return f"(?P<{place}>[{characters}]+)"


def _check_template(template: str, places: set[str]) -> None:
    named = {sign["name"] for sign in _SIGN.finditer(template)}
    if not named:
        raise ValueError("names the same agent for every certificate; use a place, such as {agent}")
    if not named <= places:
        raise ValueError("takes the agent's name from a place that the pattern does not have")
    if not AGENT_NAME.fullmatch(_SIGN.sub("a", template)):
        raise ValueError("makes a name that no agent can have")
