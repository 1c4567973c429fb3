"""The built-in ledger is furnished whole: one desk behind all hooks, tended while it is open."""

from __future__ import annotations

import asyncio

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from caracal_core.assembly.services import SystemClock
from caracal_core.builtin import BUILTINS
from caracal_core.builtin.ledger.config import ChargesConfig
from caracal_core.builtin.ledger.plugin import ChargesPlugin
from caracal_core.builtin.ledger.sealing.notary import Notary
from caracal_core.builtin.ledger.store import BookStore
from caracal_core.errors import BudgetExceeded
from caracal_core.ports import HealthCheck, Ledger
from caracal_core.storage.database import open_database
from caracal_core.storage.signing_key import SigningKey
from caracal_core.testing.fakes import FakeMetrics, FakeSigningKeys, a_charge, a_services, usd


@pytest.fixture
def metrics():
    return FakeMetrics()


@pytest.fixture
def services(database, metrics):
    return a_services(database=database, metrics=metrics, clock=SystemClock())


def make_plugin(**rules):
    return ChargesPlugin(ChargesConfig.model_validate({"charges": rules}))


@pytest.fixture
def done(monkeypatch):
    """Give an event that is set once the store did what a verb of it is for."""

    def done(verb):
        event, original = asyncio.Event(), getattr(BookStore, verb)

        async def watched(self, *arguments):
            result = await original(self, *arguments)
            if result:
                event.set()
            return result

        monkeypatch.setattr(BookStore, verb, watched)
        return event

    return done


def test_it_is_a_built_in_that_keeps_its_state_over_reloads():
    """A live reload must not forget what is in hand."""
    assert ChargesPlugin in BUILTINS
    assert ChargesPlugin.keeps_state


def test_the_hooks_share_one_desk():
    plugin, services = make_plugin(), a_services()
    ledger = plugin.ledger(services)
    assert isinstance(ledger, Ledger)
    assert plugin.ledger(services) is ledger
    assert list(plugin.health(services)) == [ledger]
    assert isinstance(ledger, HealthCheck)


async def test_gauges_show_what_is_open_and_in_hand(services, metrics, give_budget):
    await give_budget("alice", usd("1"))
    ledger = make_plugin().ledger(services)
    charge = a_charge(usd("0.1"), "alice")
    await ledger.reserve(charge)
    assert (metrics.read("open"), metrics.read("in_hand")) == (1, 0)
    ending = ledger.void(charge.id, "not_sent")
    assert metrics.read("in_hand") == 1
    await ending
    assert metrics.read("open") == 0


async def test_charges_of_the_same_moment_share_a_commit_on_sqlite(sqlite_config, balanced_books):
    """And end as exact as one by one: the budget has room for half of them."""
    async with open_database(sqlite_config) as database:
        await balanced_books.fund(database, "alice", usd("3.2"))
        ledger = make_plugin().ledger(a_services(database=database))
        await ledger.void((await ledger.reserve(a_charge(usd("0.1"), "alice"))).id, "not_sent")
        said = []
        database._writer._connection.set_trace_callback(said.append)
        charges = [a_charge(usd("0.1"), "alice") for _ in range(64)]
        receipts = await asyncio.gather(*map(ledger.reserve, charges), return_exceptions=True)
        assert said.count("COMMIT") == 1
        assert sum(isinstance(receipt, BudgetExceeded) for receipt in receipts) == 32
        assert await balanced_books.wrong(database) == []


async def test_holds_of_an_earlier_process_are_resolved_at_their_expiry(
    services, metrics, give_budget, balanced, done
):
    """Each start is an owner of its own; who died before it owns nothing now."""
    await give_budget("alice", usd("1"))
    dead, charge = make_plugin(), a_charge(usd("0.1"), "alice", expire_seconds=0)
    await dead.ledger(services).reserve(charge)
    plugin = make_plugin(expiration=1, cleanup_interval=0.1)
    resolved = done("resolve")
    async with asyncio.timeout(10), plugin.lifespan(services):
        await resolved.wait()
    assert metrics.counted("expired", state="posted") == 1
    assert await balanced()


async def test_holds_are_renewed_while_the_house_is_open(services, database, give_budget, done):
    """Without anybody asking for it."""
    await give_budget("alice", usd("1"))
    plugin, renewed = make_plugin(expiration=1), done("renew")
    charge = a_charge(usd("0.1"), "alice", expire_seconds=1)
    async with asyncio.timeout(10), plugin.lifespan(services):
        await plugin.ledger(services).reserve(charge)
        await renewed.wait()
        await plugin.ledger(services).void(charge.id, "not_sent")
    (row,) = await database.fetch("SELECT expires_at - created_at AS age FROM reservations")
    assert row["age"] > 1


async def test_closing_writes_what_is_in_hand(services, database, give_budget, balanced):
    """Everything that was handed in before is durable afterwards."""
    await give_budget("alice", usd("1"))
    plugin = make_plugin()
    ledger = plugin.ledger(services)
    async with plugin.lifespan(services):
        charges = [a_charge(usd("0.01"), "alice") for _ in range(20)]
        for charge in charges:
            ledger.reserve(charge)
            ledger.post(charge.id, usd("0.01"), "reply")
    rows = await database.fetch("SELECT id FROM reservations WHERE state = 'posted'")
    assert {row["id"] for row in rows} == {charge.id for charge in charges}
    assert await balanced()


async def test_what_is_entered_is_sealed_and_signed_while_the_house_is_open(
    database, give_budget, monkeypatch
):
    """Without anybody asking for it."""
    await give_budget("alice", usd("1"))
    signed = asyncio.Event()
    original = Notary.work

    async def watched(self):
        await original(self)
        if await database.fetch("SELECT * FROM checkpoints"):
            signed.set()

    monkeypatch.setattr(Notary, "work", watched)
    keys = FakeSigningKeys(SigningKey(Ed25519PrivateKey.generate()))
    services = a_services(database=database, clock=SystemClock(), signing_keys=keys)
    plugin, charge = make_plugin(seal_interval=0.1), a_charge(usd("0.1"), "alice")
    async with asyncio.timeout(60), plugin.lifespan(services):
        await plugin.ledger(services).reserve(charge)
        await plugin.ledger(services).post(charge.id, usd("0.1"), "reply")
        await signed.wait()
    (seal,) = await database.fetch("SELECT entries FROM seals")
    assert seal["entries"] == 1


async def test_without_a_signing_key_the_operator_is_told(services, caplog):
    async with make_plugin().lifespan(services):
        assert "CARACAL_SIGNING_KEY_FILE is not set" in caplog.text


async def test_what_was_spent_has_a_page(services):
    (page,) = make_plugin().endpoints(services)
    assert page.path == "spend"
    assert (await page.answer())["today"]["by_agent"] == []


async def test_amounts_are_published(services, metrics, give_budget):
    """What was held, what it did cost beyond that, what was given back and what did not fit."""
    await give_budget("alice", usd("1"))
    ledger = make_plugin().ledger(services)
    over, spare = (a_charge(usd("0.25"), "alice") for _ in range(2))
    await ledger.reserve(over)
    await ledger.reserve(spare)
    await ledger.post(over.id, usd("0.5"), "reply")
    await ledger.void(spare.id, "not_sent")
    with pytest.raises(BudgetExceeded):
        await ledger.reserve(a_charge(usd("0.75"), "alice"))
    kinds = ("held", "posted", "overrun", "voided", "refused")
    found = [metrics.counted(f"{kind}_amount", currency="USD") for kind in kinds]
    assert found == [0.5, 0.5, 0.25, 0.25, 0.75]
