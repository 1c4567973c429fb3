"""``caracal ledger archive``: months leave for files that verify, and nothing else does."""

from __future__ import annotations

import asyncio
import gzip
import json
from hashlib import sha256

import pytest

from caracal_core.storage.database import open_database

ENTER = """
INSERT INTO entries (charge, kind, agent, route, request, currency, held_micro, amount_micro,
                     cause, created_at)
VALUES ($1, 'posted', 'alice', 'chat', 'q', 'USD', 1500000, 250000, 'reply', $2)
"""
JUNE, JULY, AUGUST = 1_780_272_000.0, 1_782_864_000.0, 1_785_542_400.0
AT = [JUNE + 1, JUNE + 2, JULY + 1, JULY - 1, JULY + 2, AUGUST + 1]


@pytest.fixture
def ledger(caracal_at):
    return lambda *arguments, code=0: caracal_at("ledger", *arguments, code=code)


@pytest.fixture
def entered(storage_config):
    """Two entries of June, two of each month in turns, one of August; all in 2026."""

    async def enter():
        async with open_database(storage_config) as database:
            for number, at in enumerate(AT):
                await database.execute(ENTER, f"c{number}", at)

    asyncio.run(enter())


@pytest.fixture
def out(tmp_path):
    path = tmp_path / "archives"
    path.mkdir()
    return path


def test_months_become_files_that_verify(
    ledger, entered, out, caracal, storage_config, storage_environment
):
    """One each; sums stay; without their files the chain over them is verified."""
    sums = ledger("summary")
    june, july = ledger("archive", "--before", "2026-08", "--out", str(out)).splitlines()
    names = sorted(path.name for path in out.iterdir())
    assert june == f"Archived 3 entries of 2026-06 in {names[0]}."
    assert july == f"Archived 2 entries of 2026-07 in {names[1]}."
    ended = caracal("ledger", "query", environment=storage_environment(storage_config))
    assert len(ended.stdout.splitlines()) == 2
    assert f"Entries of 2026-06 are left out: they are in {names[0]}." in ended.stderr
    ended = caracal("ledger", "export", environment=storage_environment(storage_config))
    assert len(ended.stdout.splitlines()) == 2
    assert f"Entries of 2026-07 are left out: they are in {names[1]}." in ended.stderr
    assert ledger("summary") == sums
    said = ledger("verify")
    assert said.startswith("1 entries under 1 seals are as they were sealed.")
    assert f"Of the 3 entries of 2026-06, archived in {names[0]}, only the chain" in said
    files = [part for name in names for part in ("--archive", str(out / name))]
    assert ledger("verify", *files).startswith("6 entries under 1 seals")
    told = json.loads(ledger("verify", "--json", *files[:2]))["archives"]
    assert [(each["file"], each["compared"]) for each in told] == [
        (names[0], True),
        (names[1], False),
    ]
    assert told[0]["sha256"] == sha256((out / names[0]).read_bytes()).hexdigest()
    again = ledger("archive", "--before", "2026-08", "--out", str(out))
    assert again == "Nothing that was entered before 2026-08 is left to archive.\n"


def test_a_changed_or_foreign_file_is_found(ledger, entered, out):
    ledger("archive", "--before", "2026-07", "--out", str(out))
    (path,) = out.iterdir()
    content = gzip.decompress(path.read_bytes())
    for old, new, found in (
        (b"250000", b"250001", "entry 1 was changed (seal 1)"),
        (b"caracal", b"gazelle", "is no archive of a month"),
    ):
        path.write_bytes(gzip.compress(content.replace(old, new)))
        assert found in ledger("verify", "--archive", str(path), code=1)
    path.write_bytes(gzip.compress(b'{"type":"caracal-archive-1","month":"2026-05"}\n'))
    said = ledger("verify", "--archive", str(path), code=1)
    assert "no archive of a month" in said
    path.write_bytes(
        gzip.compress(
            b'{"type":"caracal-archive-1","month":"2026-05"}\n{"entries":0,"checkpoint":null}\n'
        )
    )
    said = ledger("verify", "--archive", str(path), code=1)
    assert "it has no record of an archive of 2026-05" in said


def test_what_was_changed_is_not_archived(ledger, entered, out, storage_config):
    """Nor is a file left behind."""
    ledger("seal")

    async def tamper():
        async with open_database(storage_config) as database:
            await database.execute("UPDATE spend_days SET calls = calls + 1")

    asyncio.run(tamper())
    said = ledger("archive", "--before", "2026-08", "--out", str(out), code=1)
    assert "are not those of its sealed entries" in said
    assert "Nothing was removed." in said
    assert list(out.iterdir()) == []
    assert len(json.loads(ledger("query", "--json"))) == 6


@pytest.mark.parametrize(
    ("before", "code", "why"),
    [("2099-01", 1, "is not over"), ("2026-13", 2, "is no month"), ("june", 2, "is no month")],
)
def test_only_months_that_are_over_are_archived(ledger, out, before, code, why):
    assert why in ledger("archive", "--before", before, "--out", str(out), code=code)
