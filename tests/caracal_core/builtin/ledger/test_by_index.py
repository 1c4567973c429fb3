"""A statement that could read the whole journal reads it by an index, and leaves nothing behind."""

from __future__ import annotations

from caracal_core.builtin.ledger.by_index import fetch_by_index
from caracal_core.storage.database import open_database

FEW = "SELECT count(*) AS count FROM entries WHERE id > (SELECT max(number) FROM seals)"


async def test_rows_are_returned(database):
    assert [row["count"] for row in await fetch_by_index(database, FEW)] == [0]
    assert await fetch_by_index(database, "SELECT number FROM seals WHERE number = $1", 7) == []


async def test_the_journal_is_not_scanned_by_any_connection(postgres_config):
    """Also one of the command line's, whose other statements are planned as ever."""
    async with open_database(postgres_config) as database:
        explained = await fetch_by_index(database, f"EXPLAIN {FEW}")
        plan = "\n".join(str(row["QUERY PLAN"]) for row in explained)
        assert "Seq Scan on entries" not in plan
        (row,) = await database.fetch("SELECT current_setting('enable_seqscan') AS is")
        assert row["is"] == "on"
