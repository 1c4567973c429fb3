"""Reads few rows out of many by an index, whatever the planner believes."""

from __future__ import annotations

from collections.abc import Sequence

from caracal_core.ports import Database, Row, Statements

_NO_SCANS = "SELECT set_config('enable_seqscan', 'off', TRUE)"  # TRUE: in this transaction


async def fetch_by_index(database: Database, sql: str, *arguments: object) -> Sequence[Row]:
    """Run a statement that compares ids with what another table says, and return its rows.

    Until it has statistics of a journal, PostgreSQL cannot know how few rows lie behind such an id,
    takes a third of them for granted and reads all of it, as the command line's connections let
    it (125 ms for a million entries instead of 6); gateways' do not.

    Raises:
        Failure: the database cannot be asked.
    """
    if database.dialect == "sqlite":
        return await database.fetch(sql, *arguments)

    async def read(tx: Statements) -> Sequence[Row]:
        await tx.fetch(_NO_SCANS)
        return await tx.fetch(sql, *arguments)

    return await database.transact(read)
