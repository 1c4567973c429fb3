"""Entries are exported whole: as CSV that no spreadsheet reckons with, or as JSON."""

from __future__ import annotations

import asyncio
import csv
import io
import json

import pytest

from caracal_core.cli.export import COLUMNS, Csv, Json, plain
from caracal_core.storage.database import open_database

ENTER = """
INSERT INTO entries (charge, kind, agent, route, request, currency, held_micro, amount_micro,
                     cause, created_at)
VALUES ($1, 'posted', $2, 'chat', 'q', 'USD', 1500000, 250000, 'reply', 1795392000.5)
"""


@pytest.fixture
def ledger(caracal, storage_config, storage_environment):
    """Run ``caracal ledger export`` against each store."""

    def ledger(*arguments, code=0):
        environment = storage_environment(storage_config)
        ended = caracal("ledger", "export", *arguments, environment=environment)
        assert (ended.returncode, ended.stderr == "") == (code, code == 0), ended.stderr
        return ended.stderr if code else ended.stdout

    return ledger


def entered(config, *agents):
    async def enter():
        async with open_database(config) as database:
            for number, agent in enumerate(agents):
                await database.execute(ENTER, f"c{number}", agent)

    asyncio.run(enter())


def test_an_empty_ledger_is_exported_too(ledger):
    assert ledger().splitlines() == [
        "id,at,charge,kind,agent,route,request,held,amount,currency,cause,basis,price"
    ]
    assert json.loads(ledger("--format", "json")) == []


def test_every_entry_is_exported_the_earliest_first(ledger, storage_config):
    """Or those that are selected."""
    entered(storage_config, "alice", "=bob", "")
    rows = list(csv.DictReader(io.StringIO(ledger())))
    assert [(row["charge"], row["agent"], row["amount"]) for row in rows] == [
        ("c0", "alice", "0.25"),
        ("c1", "'=bob", "0.25"),
        ("c2", "", "0.25"),
    ]
    found = json.loads(ledger("--format", "json"))
    assert [row["agent"] for row in found] == ["alice", "=bob", None]
    assert found[0]["at"] == "2026-11-23T00:00:00+00:00"
    (one,) = json.loads(ledger("--format", "json", "--charge", "c1"))
    assert one == found[1]
    assert json.loads(ledger("--format", "json", "--request", one["request"])) == found
    assert json.loads(ledger("--format", "json", "--request", "another")) == []
    assert "not registered" in ledger("--under", "nobody", code=1)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("alice", "alice"),
        ("=1+1", "'=1+1"),
        ("+a", "'+a"),
        ("-a", "'-a"),
        ("@a", "'@a"),
        ("\ta", "'\ta"),
        ("'a", "''a"),
        (7, 7),
        (None, None),
        ("", ""),
    ],
)
def test_text_like_a_formula_has_an_apostrophe_in_front(value, written):
    assert plain(value) == written


def test_both_are_whole_in_any_number_of_parts():
    lines = [dict.fromkeys(COLUMNS, number) for number in range(3)]
    for form, read in (
        (Csv, lambda text: list(csv.DictReader(io.StringIO(text)))),
        (Json, json.loads),
    ):
        out = io.StringIO()
        writer = form(out)
        writer.write(lines[:1])
        writer.write([])
        writer.write(lines[1:])
        writer.end()
        assert [int(row["id"]) for row in read(out.getvalue())] == [0, 1, 2]
