"""An operator sees every charge as it stands, and may end a pending one by hand."""

from __future__ import annotations

import pytest

from caracal_core.builtin.ledger.charges import ChargeRecord, charges, release
from caracal_core.builtin.ledger.errors import LedgerError
from caracal_core.builtin.ledger.settling import End
from caracal_core.builtin.ledger.writing import reserve, settle
from caracal_core.testing.fakes import a_charge, usd

START = 1_795_400_000.0


@pytest.fixture
async def three(database, give_budget):
    """A pending, a posted and a voided charge, in the order in which they were held."""
    for account in ("alice", "bob"):
        await give_budget(account, usd("1"))
    pending, posted, voided = (a_charge(usd("0.2"), name) for name in ("alice", "bob", "alice"))
    for n, charge in enumerate((pending, posted, voided)):
        await reserve(database, charge, "owner", START + n)
    await settle(database, End(posted.id, "reply", usd("0.3")), START + 10)
    await settle(database, End(voided.id, "not_sent"), START + 10)
    await settle(database, End("never-held", "not_sent"), START + 10)
    return pending, posted, voided


async def test_a_record_says_all_that_is_known(database, three):
    pending, posted, _ = three
    (record,) = await charges(database, state="pending", limit=10)
    assert record == ChargeRecord(
        id=pending.id,
        charge=pending.id,
        agent="alice",
        route="test-route",
        request=pending.request,
        owner="owner",
        held=usd("0.2"),
        state="pending",
        posted=usd("0"),
        cause=None,
        basis="",
        price="",
        created_at=START,
        expires_at=START + 300,
        ended_at=None,
    )
    (record,) = await charges(database, state="posted", limit=10)
    assert (record.id, record.posted, record.cause) == (posted.id, usd("0.3"), "reply")
    assert record.ended_at == START + 10


async def test_the_latest_come_first_and_may_be_narrowed_down(database, three):
    """By state, by agent, and by number; voids of what was never held are not shown."""
    pending, posted, voided = (charge.id for charge in three)

    async def ids(**chosen):
        return [record.id for record in await charges(database, **{"limit": 10, **chosen})]

    assert await ids() == [voided, posted, pending]
    assert await ids(limit=1) == [voided]
    assert await ids(agent="alice") == [voided, pending]
    assert await ids(agent="alice", state="pending") == [pending]
    assert await ids(agent="bob", state="voided") == []


@pytest.mark.parametrize(("ending", "posted"), [("post", "0.2"), ("void", "0")])
async def test_a_pending_charge_is_released(database, three, balanced, ending, posted):
    """Booked at what was held, or given back; the cause says that it was by hand."""
    pending = three[0]
    assert await release(database, pending.id, ending) == usd(posted)
    (entry,) = await database.fetch("SELECT cause FROM entries WHERE charge = $1", pending.id)
    assert entry["cause"] == "released"
    assert await balanced()


async def test_the_owners_post_after_a_release_is_adjusted_for(database, three, counts, balanced):
    """The operator was wrong: money was spent."""
    pending = three[0]
    await release(database, pending.id, "void")
    settlement = await settle(database, End(pending.id, "reply", usd("0.1")))
    assert settlement.news == "adjusted"
    assert await counts("alice") == [(100_000, 0, 0)]
    assert await balanced()


async def test_only_a_pending_charge_can_be_released(database, three, counts):
    """The answer says how it ended, and nothing is charged: an operator knows of no cost."""
    before = await counts("alice")
    _, posted, voided = three
    with pytest.raises(LedgerError, match=r"posted, 0\.3 USD, because of reply"):
        await release(database, posted.id, "void")
    with pytest.raises(LedgerError, match="voided, 0 USD, because of not_sent"):
        await release(database, voided.id, "post")
    with pytest.raises(LedgerError, match="no charge"):
        await release(database, "nothing", "post")
    assert await database.fetch("SELECT id FROM reservations WHERE id = 'nothing'") == []
    assert await database.fetch("SELECT id FROM entries WHERE kind = 'adjustment'") == []
    assert await counts("alice") == before
