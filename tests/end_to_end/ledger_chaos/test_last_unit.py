"""The last unit is held once, however many ask for it at whichever gateway.

``CARACAL_ROUNDS=200 pytest tests/end_to_end/ledger_chaos/test_last_unit.py`` is the long run.
"""

import asyncio
import os
from collections import Counter

import aiohttp
import pytest

from caracal_core.builtin.ledger.budgets import set_budget
from caracal_core.domain import Money
from caracal_core.storage.database import open_database

from .fleet import PRICE, REPLICAS, a_fleet, usd

ROUNDS = int(os.environ.get("CARACAL_ROUNDS", "5"))
ASKING = 50


@pytest.mark.timeout(0 if "CARACAL_ROUNDS" in os.environ else 120)
async def test_one_of_fifty_gets_the_last_unit(
    gateway, site, tmp_path, postgres_config, storage_environment
):
    """Fifty at once over three processes: one is served, 49 get 402, in every round."""
    environment = storage_environment(postgres_config)
    fleet, upstream = await a_fleet(gateway, site, tmp_path, postgres_config, environment)
    await fleet.enrol(1, {"agent": "0", "team": "1000", "org": "1000"})
    headers = {"Authorization": f"Bearer {fleet.tokens['agent-0']}"}
    connector = aiohttp.TCPConnector(limit=0)
    async with (
        open_database(postgres_config) as database,
        aiohttp.ClientSession(headers=headers, connector=connector) as session,
    ):

        async def ask(number):
            url = fleet.gateways[number % REPLICAS].url
            async with session.post(f"{url}/paid/now") as reply:
                await reply.read()
                return reply.status

        for number in range(ROUNDS):
            (spent,) = await database.fetch(
                """SELECT COALESCE(sum(w.spent_micro), 0) AS micro FROM budget_windows w
                JOIN budgets b ON b.id = w.budget_id JOIN accounts a ON a.id = b.account_id
                WHERE a.name = 'agent-0'"""
            )
            last = usd(PRICE).micro + int(spent["micro"])
            await set_budget(database, "agent-0", Money(last, "USD"), "day")
            statuses = await asyncio.gather(*(ask(each) for each in range(ASKING)))
            assert Counter(statuses) == {200: 1, 402: ASKING - 1}, f"round {number}"
    assert upstream.answered == ROUNDS
