"""A row that another session keeps locked costs its own account's calls, and nobody else's."""

import asyncio
from contextlib import asynccontextmanager

import aiohttp
import pytest

from caracal_core.builtin.ledger.budgets import set_budget
from caracal_core.cli.demo.token import make_key, sign
from caracal_core.domain import Money
from caracal_core.storage.accounts import register
from caracal_core.storage.database import open_database

ISSUER, AUDIENCE = "https://idp.invalid", "caracal-test"
CALLS = 45
PERMIT = {"id": "all", "effect": "permit", "agents": ["*"], "routes": ["*"]}
LOCKS = {
    "hold": "SELECT id FROM reservations WHERE state = 'pending' FOR UPDATE",
    "window": """SELECT w.id FROM budget_windows AS w JOIN budgets AS b ON b.id = w.budget_id
        JOIN accounts AS a ON a.id = b.account_id WHERE a.name = 'agent-1' FOR UPDATE OF w""",
}


@asynccontextmanager
async def kept(config, sql):
    """Keep rows locked in another session, as an operator's forgotten one does."""
    locked, leave = asyncio.Event(), asyncio.Event()

    async def keep(tx):
        assert len(await tx.fetch(sql)) == 1
        locked.set()
        await leave.wait()

    async with open_database(config) as database:
        keeping = asyncio.create_task(database.transact(keep))
        async with asyncio.timeout(30):
            await locked.wait()
        try:
            yield
        finally:
            leave.set()
            await keeping


async def call(session, path="/paid/now"):
    async with session.post(path) as reply:
        await reply.read()
        return reply.status


@pytest.mark.parametrize("row", sorted(LOCKS))
async def test_other_accounts_calls_go_on(
    gateway, patient, until, postgres_config, storage_environment, tmp_path, row
):
    """Those of the locked window's get 503 in time; what was held is posted once it is free."""
    key = make_key(tmp_path / "shared.pem")
    one = await gateway(
        patient.url,
        environment=storage_environment(postgres_config),
        policies=[PERMIT],
        auth_jwt={
            "public_key_path": str(tmp_path / "shared.pem"),
            "issuer": ISSUER,
            "audience": AUDIENCE,
        },
    )
    async with open_database(postgres_config) as database:
        await register(database, "other")
        await set_budget(database, "other", Money.parse("1000", "USD"), "day")
    mine, others = (
        aiohttp.ClientSession(
            one.url, headers={"Authorization": f"Bearer {sign(key, agent, ISSUER, AUDIENCE)}"}
        )
        for agent in ("agent-1", "other")
    )
    async with mine, others:
        assert await call(others) == 200
        held = asyncio.create_task(call(mine, "/paid/later"))

        async def waits():
            return patient.waiting == 1

        await until(waits)
        async with kept(postgres_config, LOCKS[row]):
            patient.release.set()
            assert [await call(others) for _ in range(CALLS)] == [200] * CALLS
            own = await asyncio.gather(*(call(mine) for _ in range(5)))
            assert own == [200 if row == "hold" else 503] * 5
            ready, report = await one.operator_sees("/health/ready")
            assert ready == 200, report
        assert await held == 200
        assert await call(mine) == 200

        async def all_ended():
            return not await one.open_holds()

        await until(all_ended)
    posted = [entry for entry in await one.entries() if entry[0] == "posted"]
    assert len(posted) == CALLS + 3 + (5 if row == "hold" else 0)
