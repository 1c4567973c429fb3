"""Finds the route of a path: the longest prefix of whole segments wins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from msgspec import Struct

from caracal_core.builtin.routes.reading import climbs, is_ambiguous, most_lenient
from caracal_core.domain import Request, Route, Terms
from caracal_core.errors import BadRequest, MethodNotAllowed

T = TypeVar("T")


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
    """A table of prefixes, looked up one segment after the other.

    A path is read as it is written, case included: an upstream that takes ``/Admin`` for
    ``/admin`` needs a route for each. Where a more lenient upstream would read a path that
    belongs to a deeper route, as with ``/admin;x=1/s`` and ``/admin./s``, it is refused.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        """Build the table; ids and prefixes are distinct."""
        self._entries = {entry.prefix: entry for entry in entries}
        self._depth = max((prefix.count("/") for prefix in self._entries), default=0)
        self._lenient = {path: path for path in map(most_lenient, self._entries)}
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
            BadRequest: an upstream might read the path as one of another route.
        """
        entry = self._longest(request.path)
        if is_ambiguous(request.path):
            self._refuse_deeper(request.path, entry)
        if entry is None:
            return None
        if request.method not in entry.methods:
            raise MethodNotAllowed(entry.methods)
        return Route(entry.id, request.method, request.path, _target(request, entry), entry.terms)

    def _longest(self, path: str) -> Entry | None:
        return _longest(self._entries, path, self._depth)

    def _refuse_deeper(self, path: str, entry: Entry | None) -> None:
        """Refuse a path that goes deeper into the table when it is read most leniently.

        The prefixes are read so too: a route whose own path has a parameter keeps working.
        """
        if climbs(path):
            raise BadRequest("The path has a segment that could be read as a dot segment.")
        deepest = _longest(self._lenient, most_lenient(path), self._depth)
        if deepest is None:
            return
        if entry is None or len(deepest) > len(most_lenient(entry.prefix)):
            raise BadRequest("The path could be read as one of another route.")


def _longest(table: Mapping[str, T], path: str, depth: int) -> T | None:
    """Look no deeper than the deepest prefix, however long the path is."""
    found = table.get("")
    end = 0
    for _ in range(depth):
        end = path.find("/", end + 1)
        found = table.get(path if end < 0 else path[:end], found)
        if end < 0:
            break
    return found


def _target(request: Request, entry: Entry) -> str:
    """Return path and query for the upstream, byte for byte."""
    path = request.path[len(entry.prefix) :] if entry.strip else request.path
    target = path or "/"
    return f"{target}?{request.query}" if request.query else target
