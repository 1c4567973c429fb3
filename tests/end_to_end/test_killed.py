"""A gateway or a database that dies at work: no acknowledged charge is lost, no hold stays open."""

import asyncio
import json
import signal
from collections import Counter
from decimal import Decimal

import aiohttp

WORKERS, CALLS, HELD = 20, 200, 5
EXPIRING = {"expiration": 3, "cleanup_interval": 0.2}
"""A gateway that lives renews its holds six times in that time."""
SPARED = {
    "id": "spared",
    "path": "/spared/",
    "strip_prefix": True,
    "upstream": "u",
    "tariff": "flat",
    "settle": {"orphan": "void"},
}
PERMIT = {"id": "all", "effect": "permit", "agents": ["*"], "routes": ["*"]}
ORPHANS = {"paid": ("posted", "0.25", "orphan"), "spared": ("voided", "0", "orphan")}


class Load:
    """Workers that pay for call after call, from entering the context to leaving it.

    A worker goes home early where the gateway is gone.

    Attributes:
        paid: the charges whose replies came whole.
        statuses: how many replies came of each status.
    """

    def __init__(self, session):
        self._session = session
        self._over = False
        self._changed = asyncio.Event()
        self._workers = []
        self.paid = set()
        self.statuses = Counter()

    async def __aenter__(self):
        self._workers = [asyncio.create_task(self._work()) for _ in range(WORKERS)]
        return self

    async def __aexit__(self, *_):
        self._over = True
        async with asyncio.timeout(60):
            await asyncio.gather(*self._workers)

    async def acknowledged(self, count):
        """Wait until so many calls were acknowledged."""
        async with asyncio.timeout(60):
            while len(self.paid) < count:
                self._changed.clear()
                await self._changed.wait()

    async def _work(self):
        while not self._over:
            try:
                async with self._session.post("/paid/now") as reply:
                    await reply.read()
            except aiohttp.ClientError:
                return
            self.statuses[reply.status] += 1
            if reply.status == 200:
                self.paid.add(reply.headers["X-Caracal-Charge-Id"])
                self._changed.set()


def journal(gateway):
    """Return how each charge ended: none twice, and the budget comes to the same sum."""
    entries = gateway.listed("ledger", "query", "--limit", "100000")
    ends = {each["charge"]: (each["kind"], each["amount"], each["cause"]) for each in entries}
    assert len(ends) == len(entries)
    (budget,) = gateway.listed("budgets", "list")
    held = [Decimal(each["held"]) for each in gateway.listed("charges", "list")]
    assert Decimal(budget["spent"]) == sum(Decimal(each["amount"]) for each in entries)
    assert Decimal(budget["held"]) == sum(held)
    return ends


async def begin(session, patient, until, paths):
    """Have calls in flight at the upstream; return their tasks."""
    before = patient.waiting
    calls = [asyncio.create_task(status(session, path)) for path in paths]

    async def all_wait():
        return patient.waiting == before + len(calls)

    await until(all_wait)
    return calls


async def status(session, path="/paid/now"):
    """Return the status of a whole reply, or None where there is none."""
    try:
        async with session.post(path) as reply:
            await reply.read()
            return reply.status
    except aiohttp.ClientError:
        return None


def holds(gateway, count):
    """Return the condition that so many charges are open."""

    async def so_many():
        return len(await gateway.open_holds()) == count

    return so_many


async def test_a_killed_gateway_loses_nothing(
    gateway, patient, until, storage_config, storage_environment
):
    """What it acknowledged is posted; what it held is seen, and ends by the rule at its expiry."""
    one = await gateway(
        patient.url,
        environment=storage_environment(storage_config),
        charges=EXPIRING,
        routes=[SPARED],
        policies=[PERMIT],
    )
    async with one.client() as session:
        calls = await begin(session, patient, until, ["/paid/later", "/spared/later"] * HELD)
        async with Load(session) as load:
            await load.acknowledged(CALLS)
            one.signal(signal.SIGKILL)
            assert await one.ended() == -signal.SIGKILL
        assert await asyncio.gather(*calls) == [None] * len(calls)
    before = journal(one)
    assert {before.get(charge) for charge in load.paid} == {("posted", "0.25", "reply")}
    left = {each["id"]: each["route"] for each in one.listed("charges", "list")}
    routes = Counter(left.values())
    assert routes["spared"] == HELD <= routes["paid"]
    assert len(before) + len(left) >= patient.arrived
    await one.start()
    await until(holds(one, 0))
    assert journal(one) == before | {charge: ORPHANS[route] for charge, route in left.items()}


async def test_another_gateway_ends_what_a_killed_one_held(
    gateway, patient, until, postgres_config, storage_environment, tmp_path
):
    """And its own, older holds stay, for it renews them while their calls last."""
    settings = {"environment": storage_environment(postgres_config), "charges": EXPIRING}
    killed = await gateway(patient.url, **settings)
    (tmp_path / "other").mkdir()
    other = await gateway(patient.url, budget=None, home=tmp_path / "other", **settings)
    async with other.client() as session, killed.client() as doomed:
        calls = await begin(session, patient, until, ["/paid/later"] * HELD)
        await begin(doomed, patient, until, ["/paid/later"] * HELD)
        killed.signal(signal.SIGKILL)
        await killed.ended()
        await until(holds(other, HELD))
        patient.release.set()
        assert await asyncio.gather(*calls) == [200] * HELD
    await other.stop()
    ends = Counter(await other.entries())
    assert ends == {("posted", "0.25", "orphan"): HELD, ("posted", "0.25", "reply"): HELD}
    assert await other.open_holds() == []


async def test_a_killed_database_loses_nothing_and_the_gateway_recovers(
    gateway, patient, until, mortal_postgresql, storage_environment
):
    """Meanwhile calls are refused before the upstream hears of them; no hold waits for expiry."""
    with mortal_postgresql.database() as config:
        patience = {"part_timeout": 1, "settle_timeout": 1}
        one = await gateway(patient.url, environment=storage_environment(config), **patience)
        async with one.client() as session:
            async with Load(session) as before:
                await before.acknowledged(CALLS)
                await asyncio.to_thread(mortal_postgresql.stop)
            await refused_unheard(one, session, patient)
            await asyncio.to_thread(mortal_postgresql.start)

            async def serves():
                return await status(session) == 200

            await until(serves)
            async with Load(session) as after:
                await after.acknowledged(CALLS)
        await until(holds(one, 0))
        ends = journal(one)
        assert {ends.get(charge) for charge in before.paid | after.paid} == {
            ("posted", "0.25", "reply")
        }
        assert Counter(ends.values())["posted", "0.25", "reply"] == patient.arrived
        assert (await one.operator_sees("/health/ready"))[0] == 200
        await one.stop()
        assert '"trace"' not in one.log


async def refused_unheard(gateway, session, patient):
    """Calls get 503, and the upstream gets nothing; the gateway is alive and not ready."""
    arrived = patient.arrived
    statuses = await asyncio.gather(*(status(session) for _ in range(WORKERS)))
    assert (statuses, patient.arrived) == ([503] * WORKERS, arrived)
    ready, report = await gateway.operator_sees("/health/ready")
    faults = [check["name"] for check in json.loads(report)["checks"] if check["fault"]]
    assert ready == 503
    assert "database" in faults, "and the ledger, once it was failed again and again"
    assert (await gateway.operator_sees("/health/live"))[0] == 200
