"""The file proves itself, and one that is damaged or another is refused."""

from __future__ import annotations

import gzip
import json
import struct
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from caracal_core.builtin.ledger.sealing.archive_file import BadArchive
from caracal_core.builtin.ledger.sealing.checkpoints import sign_last
from caracal_core.builtin.ledger.sealing.month import Month
from caracal_core.storage.signing_key import SigningKey

NUMBERS = struct.Struct(">qqqqdq")


async def test_seals_and_their_chain_follow_from_the_file_alone(
    database, months, drafted, tmp_path
):
    """As somebody else would do it, with a library for JSON and one for SHA-256."""
    statement = await sign_last(database, SigningKey(Ed25519PrivateKey.generate()))
    record = await drafted()
    start, *lines = gzip.decompress((tmp_path / record.file).read_bytes()).splitlines()
    assert json.loads(start) == {"type": "caracal-archive-1", "month": "2026-10"}
    assert json.loads(lines.pop()) == {"entries": 9, "checkpoint": statement}
    seals = []
    for line in lines:
        if line.startswith(b"{"):
            seals.append((json.loads(line), {}))
            seals[-1][1].update({id_: bytes.fromhex(told) for id_, told in seals[-1][0]["others"]})
        else:
            digest = sha256(b"caracal-entry-1\n" + line).digest()
            seals[-1][1][json.loads(line)[0]] = digest
    previous = bytes(32)
    for seal, digests in seals:
        labels = b"".join(id_.to_bytes(8, signed=True) + digests[id_] for id_ in sorted(digests))
        numbers = NUMBERS.pack(
            seal["seal"], seal["first_id"], seal["last_id"], seal["entries"], seal["sealed_at"],
            len(labels),
        )  # fmt: skip
        assert seal["previous"] == previous.hex()
        previous = sha256(b"caracal-seal-1\n" + numbers + labels + previous).digest()
        assert seal["hash"] == previous.hex()
    stored = await database.fetch("SELECT hash FROM seals ORDER BY number LIMIT $1", len(seals))
    assert previous == stored[-1]["hash"]


async def test_the_same_entries_make_the_same_file(drafted, tmp_path):
    one, other = await drafted("one"), await drafted("other")
    assert one.entries == other.entries == 9
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


async def test_entries_are_read_as_far_as_they_are_asked_for(drafted, tmp_path, open_archive):
    reader = open_archive(tmp_path / (await drafted()).file)
    assert reader.month == Month(2026, 10)
    assert [entry.id for entry in reader.up_to(4)] == [1, 2, 3, 4]
    assert [entry.id for entry in reader.up_to(10)] == [5, 7, 9]
    assert [entry.id for entry in reader.up_to(2**63)] == [11, 13]
    assert reader.up_to(2**63) == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda lines: [b"[]\n", *lines[1:]], "a line cannot be read"),
        (lambda lines: [lines[0].replace(b"archive-1", b"archive-9"), *lines[1:]], "of the type"),
        (lambda lines: [lines[0].replace(b"2026-10", b"2026-77"), *lines[1:]], "is no month"),
        (lambda lines: [lines[0].replace(b"2026-10", b"2026-09"), *lines[1:]], "order or month"),
        (lambda lines: lines[:-1], "its end is missing"),
        (lambda lines: [*lines, b"more\n"], "last line does not fit"),
        (lambda lines: [*lines[:2], *lines[3:]], "last line does not fit"),
        (lambda lines: [*lines[:3], lines[2], *lines[3:]], "order or month"),
        (lambda lines: [*lines[:2], b"[1]\n", *lines[3:]], "a line cannot be read"),
    ],
)
async def test_a_file_of_other_lines_is_refused(
    drafted, tmp_path, rewritten, open_archive, change, why
):
    path = rewritten(tmp_path / (await drafted()).file, change)
    with pytest.raises(BadArchive, match=f"october is no archive of a month, .*{why}"):
        open_archive(path).up_to(2**63)


@pytest.mark.parametrize("content", [b"", b"plain text", gzip.compress(b"x" * 999, mtime=0)[:-9]])
async def test_what_cannot_be_unpacked_is_refused(tmp_path, open_archive, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(BadArchive, match="file is no archive of a month"):
        open_archive(path)
