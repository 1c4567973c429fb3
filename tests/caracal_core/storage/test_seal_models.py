"""The models of seals, checkpoints and sums by day read what sealing wrote."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tortoise.context import TortoiseContext

from caracal_core.builtin.ledger.budgets import set_budget
from caracal_core.builtin.ledger.sealing.checkpoints import sign_last
from caracal_core.builtin.ledger.sealing.sealer import seal_now
from caracal_core.builtin.ledger.settling import End
from caracal_core.builtin.ledger.writing import reserve, settle
from caracal_core.errors import Failure
from caracal_core.storage import accounts
from caracal_core.storage.database import open_database
from caracal_core.storage.history import status
from caracal_core.storage.migrate import _tortoise, down
from caracal_core.storage.migrations import CORE
from caracal_core.storage.seal_models import Archive, Checkpoint, Seal, SpendDay
from caracal_core.storage.signing_key import SigningKey
from caracal_core.testing.fakes import a_charge, usd

STEP = "5_seals_and_days"


async def test_models_read_what_sealing_wrote(storage_config):
    charge = a_charge(usd("0.25"), "alice")
    async with open_database(storage_config) as database:
        await accounts.register(database, "alice")
        await set_budget(database, "alice", usd("1"), "day")
        await reserve(database, charge, "owner")
        await settle(database, End(charge.id, "reply", usd("0.2")))
        assert await seal_now(database, 10, 30) == 0
        statement = await sign_last(database, SigningKey(Ed25519PrivateKey.generate()))
    async with TortoiseContext() as context:
        await context.init(config=_tortoise(storage_config, (CORE,)))
        seal, checkpoint, day = await Seal.get(), await Checkpoint.get(), await SpendDay.get()
        assert await Archive.all().count() == 0
    assert (seal.number, seal.entries, len(seal.digests), len(seal.hash)) == (1, 1, 40, 32)
    assert (checkpoint.number, checkpoint.statement) == (1, statement)
    assert (day.agent, day.calls, day.amount_whole, day.amount_rest) == ("alice", 1, 0, 200_000)


async def test_the_step_is_not_undone_where_evidence_would_be_lost(storage_config):
    """Nothing is changed then; sums by day alone follow from the entries."""
    async with open_database(storage_config) as database:
        await settle(database, End("c1", "reply", usd("0.2")))
        assert await seal_now(database, 10, 30) == 0
    while (await _last_step(storage_config)) != STEP:
        await down(storage_config)
    with pytest.raises(Failure, match="seals has rows, which would be lost"):
        await down(storage_config)
    async with open_database(storage_config) as database:
        assert len(await database.fetch("SELECT * FROM seals")) == 1
        assert len(await database.fetch("SELECT * FROM spend_days")) == 1


async def _last_step(config):
    async with open_database(config) as database:
        applied = [step.name for step in await status(database) if step.state == "applied"]
    return applied[-1]
