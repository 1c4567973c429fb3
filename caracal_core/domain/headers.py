"""Header fields as they stood on the wire: ordered, repeated where repeated, frozen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from caracal_core.domain.field_names import canonical


class Headers:
    """An immutable list of header fields (RFC 9110 section 5).

    Names are kept lower-case; values are the field's octets read as latin-1, without
    surrounding white space. Fields of one name are never joined.
    """

    __slots__ = ("_fields",)

    def __init__(self, fields: Iterable[tuple[str, str]] = ()) -> None:
        """Take fields whose names are lower-case already; the edge and upstreams see to it."""
        self._fields = tuple(fields)

    def get(self, name: str) -> str | None:
        """Return the first value of the lower-case ``name``, or None."""
        for field, value in self._fields:
            if field == name:
                return value
        return None

    def all(self, name: str) -> tuple[str, ...]:
        """Return every value of the lower-case ``name``, in the order they came."""
        return tuple(value for field, value in self._fields if field == name)

    def plus(self, *fields: tuple[str, str]) -> Headers:
        """Return these headers with more fields after them."""
        return Headers(self._fields + fields)

    def without(self, names: frozenset[str]) -> Headers:
        """Return these headers without the fields of the given canonical names.

        A field is one of them however it is spelt (`canonical`). Where there is none, these
        very headers are returned.
        """
        kept = [
            field
            for field in self._fields
            if field[0] not in names and ("_" not in field[0] or canonical(field[0]) not in names)
        ]
        return self if len(kept) == len(self._fields) else Headers(kept)

    def __contains__(self, name: object) -> bool:
        return any(field == name for field, _ in self._fields)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._fields == other._fields

    def __hash__(self) -> int:
        return hash(self._fields)

    def __repr__(self) -> str:
        """Name the fields only: a value may be a credential."""
        return f"Headers({', '.join(name for name, _ in self._fields)})"
