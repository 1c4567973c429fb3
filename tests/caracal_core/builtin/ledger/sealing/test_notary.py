"""What was entered is sealed, and signed when that is due, round by round."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from caracal_core.builtin.ledger.sealing.checkpoints import stored
from caracal_core.builtin.ledger.sealing.notary import Notary
from caracal_core.storage.signing_key import SigningKey

KEY = SigningKey(Ed25519PrivateKey.generate())


async def signed(database):
    return [each.number async for each in stored(database)]


async def worked(notary, verified, sealed):
    """Work until so many entries are sealed: other tests' transactions may be under way."""
    while (await verified())[0] < sealed:
        await notary.work()


async def test_each_round_seals_and_signs_what_is_due(database, enter, verified):
    notary = Notary(database, 10, KEY, seconds=0)
    await notary.work()
    assert await signed(database) == []
    await enter(12)
    await worked(notary, verified, 12)
    await enter(1)
    await worked(notary, verified, 13)
    assert await verified() == (13, 3, 0)
    assert await signed(database) == [2, 3]


async def test_without_a_key_nothing_is_signed(database, enter, verified):
    await enter(1)
    await worked(Notary(database, 10, None, seconds=0), verified, 1)
    assert await signed(database) == []
