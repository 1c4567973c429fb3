"""Nothing is final before whoever could still enter a lower id has ended, and then it is."""

from __future__ import annotations

import asyncio

from caracal_core.builtin.ledger.sealing.finality import Finality
from caracal_core.builtin.ledger.sealing.sealer import Sealer, seal_now
from caracal_core.builtin.ledger.sealing.verification import Verification
from caracal_core.storage.database import open_database
from caracal_core.storage.postgresql import connect

ENTER = """
INSERT INTO entries (charge, kind, agent, route, request, currency, held_micro, amount_micro,
                     cause, created_at)
VALUES ($1, 'posted', 'a', 'r', 'q', 'USD', 0, 0, 'reply', 0)
"""


async def test_what_is_there_is_final_where_nobody_is_under_way(database, enter):
    finality = Finality(database)
    assert await finality.look() == 0
    await enter(3)
    async with asyncio.timeout(30):
        while await finality.look() != 3:  # noqa: ASYNC110 - other tests' transactions set no event
            await asyncio.sleep(0.01)
    assert await Finality(database).look() in {0, 3}


async def test_a_lower_id_that_is_not_committed_is_waited_for(postgres_config):
    """Its transaction began first and commits last; sealing past it would make it an added one."""
    async with open_database(postgres_config) as database, connect(postgres_config) as slow:
        sealer = Sealer(database, 10)
        transaction = slow.transaction()
        await transaction.start()
        await slow.execute(ENTER, "slow")
        await database.execute(ENTER, "fast")
        for _ in range(3):
            assert await sealer.seal() == 0
        assert await seal_now(database, 10, 0.2) == 1
        await transaction.commit()
        assert await seal_now(database, 10, 30) == 0
        verdict = await Verification(database, {}).verify()
        assert (verdict.entries, verdict.unsealed, verdict.fault) == (2, 0, None)


async def test_who_begins_later_is_not_waited_for(postgres_config):
    """Or a stream of transactions that overlap would put every seal off for ever."""
    async with (
        open_database(postgres_config) as database,
        connect(postgres_config) as first,
        connect(postgres_config) as second,
    ):
        sealer = Sealer(database, 10)
        one, other = first.transaction(), second.transaction()
        await one.start()
        await first.execute(ENTER, "one")
        await database.execute(ENTER, "two")
        assert await sealer.seal() == 0
        await other.start()
        await second.execute(ENTER, "three")
        await one.commit()
        async with asyncio.timeout(30):
            while not await sealer.seal():  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)
        rows = await database.fetch("SELECT last_id FROM seals")
        assert [row["last_id"] for row in rows] == [2]
        await other.commit()
