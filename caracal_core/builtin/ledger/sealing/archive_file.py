"""The file of an archived month: lines of JSON, compressed by gzip.

The first line is ``{"type":"caracal-archive-1","month":"2026-01"}``. Then comes each seal, as an
object, with the month's entries that it covers behind it, each in its canonical form
(`entry_form`) as an array: a label is the id and SHA-256 over ``caracal-entry-1``, a newline and
that line. The labels of the seal's other entries stand in its ``others``, so that its hash, and the
chain from the first seal to the last, can be computed from the file alone. The last line counts the
entries and has the signed checkpoint, if there is one, that vouches for all of it.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from gzip import GzipFile
from typing import BinaryIO, TypeVar

import msgspec
from msgspec import Struct

from caracal_core.builtin.ledger.sealing.chain import Head
from caracal_core.builtin.ledger.sealing.days import Days
from caracal_core.builtin.ledger.sealing.entry_form import SealedEntry, encoded, labelled_id
from caracal_core.builtin.ledger.sealing.month import Month, parse_month

TYPE = "caracal-archive-1"

_COMPRESSION = 6
_LONGEST_LINE = 2**21
"""A seal of another month's entries altogether has a line of about half of that."""
_ID_BYTES = 8


Line = TypeVar("Line", bound=Struct)


class _Start(Struct, frozen=True, forbid_unknown_fields=True):
    type: str
    month: str


class _Seal(Struct, frozen=True, forbid_unknown_fields=True):
    seal: int
    first_id: int
    last_id: int
    entries: int
    previous: str
    hash: str
    sealed_at: float
    others: tuple[tuple[int, str], ...]


class _End(Struct, frozen=True, forbid_unknown_fields=True):
    entries: int
    checkpoint: str | None


class BadArchive(ValueError):
    """It is no archive of a month, or is damaged; the message says why."""


class ArchiveWriter:
    """Writes the file; it is whole after `end`.

    Args:
        out: where to, in bytes.
        month: whose entries.
    """

    def __init__(self, out: BinaryIO, month: Month) -> None:
        # Without a name and an instant in its head, the same content makes the same file.
        self._zip = GzipFile("", "wb", _COMPRESSION, out, mtime=0)
        self._entries = 0
        self._write(_Start(TYPE, str(month)))

    def seal(self, head: Head, others: Iterable[bytes], entries: Sequence[SealedEntry]) -> None:
        """Write a seal, the labels of its other entries, and its entries of the month."""
        told = tuple((labelled_id(each), each[_ID_BYTES:].hex()) for each in others)
        numbers = (head.number, head.first_id, head.last_id, head.entries)
        hashes = (head.previous.hex(), head.hash.hex())
        self._write(_Seal(*numbers, *hashes, head.sealed_at, told))
        self._zip.write(b"".join(encoded(each) + b"\n" for each in entries))
        self._entries += len(entries)

    def end(self, checkpoint: str | None) -> None:
        """Write the last line, with the statement that vouches for the last seal."""
        self._write(_End(self._entries, checkpoint))
        self.close()

    def close(self) -> None:
        """Let go of the file, while it is open; without `end` it is none that can be read."""
        self._zip.close()

    def _write(self, line: Struct) -> None:
        self._zip.write(msgspec.json.encode(line) + b"\n")


class ArchiveReader:
    """Reads the entries of a file in the order of their ids, as far as they are asked for.

    Args:
        file: what `ArchiveWriter` wrote, at its beginning.
        name: what errors call it.

    Attributes:
        month: whose entries they are.
        days: what the entries read so far come to.

    Raises:
        BadArchive: it is none.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._name = name
        self._lines = self._unpacked(file)
        start = self._decoded(next(self._lines, b""), _Start)
        try:
            self.month = parse_month(start.month)
        except ValueError as error:
            raise self._bad(str(error)) from None
        if start.type != TYPE:
            raise self._bad(f"it is of the type {start.type!r}, not {TYPE}")
        self.days = Days()
        self._entries = self._read()
        self._next = next(self._entries, None)

    def up_to(self, last_id: int) -> list[SealedEntry]:
        """Return the entries that were not read yet, up to an id.

        Raises:
            BadArchive: it is damaged from there on.
        """
        found = []
        while self._next is not None and self._next.id <= last_id:
            found.append(self._next)
            self._next = next(self._entries, None)
        self.days.add(found)
        return found

    def _read(self) -> Iterator[SealedEntry]:
        starts, ends = self.month.starts, self.month.ends
        last, count = -(2**63), 0
        for line in self._lines:
            if line.startswith(b'{"entries"'):
                if self._decoded(line, _End).entries != count or next(self._lines, b""):
                    raise self._bad("its last line does not fit the lines before it")
                return
            if line.startswith(b"{"):
                continue
            entry = self._decoded(line, SealedEntry)
            if entry.id <= last or not starts <= entry.created_at < ends:
                raise self._bad(f"the entry {entry.id} is out of its order or month")
            last, count = entry.id, count + 1
            yield entry
        raise self._bad("its end is missing")

    def _unpacked(self, file: BinaryIO) -> Iterator[bytes]:
        with GzipFile(fileobj=file) as unpacked:
            try:
                while line := unpacked.readline(_LONGEST_LINE):
                    yield line
            except (OSError, EOFError, zlib.error) as error:
                raise self._bad(f"it cannot be unpacked: {error}") from error

    def _decoded(self, line: bytes, type_: type[Line]) -> Line:
        try:
            return msgspec.json.decode(line, type=type_)
        except ValueError as error:
            raise self._bad(f"a line cannot be read: {error}") from None

    def _bad(self, why: str) -> BadArchive:
        return BadArchive(f"{self._name} is no archive of a month, or is damaged: {why}")
