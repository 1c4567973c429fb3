"""Finds the route of a path: the longest prefix of whole segments wins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from caracal_core.domain import Request, Route, Terms
from caracal_core.errors import MethodNotAllowed


class Entry(Struct, frozen=True):
    """One line of the table.

    Attributes:
        id: the route's name.
        prefix: path without a slash at its end; empty is every path.
        strip: whether the upstream gets the path without the prefix.
        methods: the methods it accepts.
        terms: the rest of what its configuration says.
    """

    id: str
    prefix: str
    strip: bool
    methods: tuple[str, ...]
    terms: Terms


class TableRouter:
    """A table of prefixes, looked up one segment after the other."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        """Build the table; ids and prefixes are distinct."""
        self._entries = {entry.prefix: entry for entry in entries}
        self._depth = max((prefix.count("/") for prefix in self._entries), default=0)
        self._routes = {entry.id: entry.terms for entry in self._entries.values()}

    @property
    def routes(self) -> Mapping[str, Terms]:
        """The terms of every route, by id."""
        return self._routes

    async def match(self, request: Request) -> Route | None:
        """Return the route of the longest prefix, or None where no prefix fits.

        The target and the resource keep the client's bytes.

        Raises:
            MethodNotAllowed: that route does not accept the method; no shorter one is tried.
        """
        entry = self._longest(request.path)
        if entry is None:
            return None
        if request.method not in entry.methods:
            raise MethodNotAllowed(entry.methods)
        return Route(entry.id, request.method, request.path, _target(request, entry), entry.terms)

    def _longest(self, path: str) -> Entry | None:
        """Look no deeper than the deepest prefix, however long the path is."""
        found = self._entries.get("")
        end = 0
        for _ in range(self._depth):
            end = path.find("/", end + 1)
            found = self._entries.get(path if end < 0 else path[:end], found)
            if end < 0:
                break
        return found


def _target(request: Request, entry: Entry) -> str:
    """Return path and query for the upstream, byte for byte."""
    path = request.path[len(entry.prefix) :] if entry.strip else request.path
    target = path or "/"
    return f"{target}?{request.query}" if request.query else target
