"""The models of credentials read what was written."""

from __future__ import annotations

from tortoise.context import TortoiseContext

from caracal_core.storage import accounts, revocations, sightings
from caracal_core.storage.database import open_database
from caracal_core.storage.identity_models import Revocation, Sighting
from caracal_core.storage.migrate import _tortoise
from caracal_core.storage.migrations import CORE


async def test_models_read_what_was_written(storage_config):
    """From both databases, whatever is absent and whatever is a list."""
    async with open_database(storage_config) as database:
        await accounts.register(database, "anna")
        made = await revocations.revoke_agent(database, "anna", reason="lost")
        seen = sightings.Seen("anna", 20_000, ("bearer_jws", "certificate"), ("jwt",))
        await sightings.add(database, {seen: 7})
    async with TortoiseContext() as context:
        await context.init(config=_tortoise(storage_config, (CORE,)))
        revoked, sighting = await Revocation.get(id=made.id), await Sighting.get(agent="anna")
    assert (revoked.agent, revoked.issued_before) == ("anna", made.issued_before)
    assert (revoked.scheme, revoked.credential, revoked.expires_at) == (None, None, None)
    assert (sighting.day, sighting.shown, sighting.count) == (20_000, "bearer_jws,certificate", 7)
