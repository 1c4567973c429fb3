"""A transaction that collides is begun again, but not for ever; other failures are the caller's."""

import pytest

from caracal_core.builtin.ledger.collisions import TRIES, again
from caracal_core.errors import Failure
from caracal_core.storage.errors import Collided


def failing(times, error):
    """Return a transaction that fails so often, and the list of its tries."""
    tries = []

    async def transaction():
        tries.append(1)
        if len(tries) <= times:
            raise error
        return "done"

    return transaction, tries


async def test_it_is_begun_again():
    transaction, tries = failing(TRIES - 1, Collided("storage", "deadlock"))
    assert await again(transaction) == "done"
    assert len(tries) == TRIES


async def test_not_for_ever_and_not_for_anything_else():
    transaction, tries = failing(100, Collided("storage", "deadlock"))
    with pytest.raises(Collided):
        await again(transaction)
    assert len(tries) == TRIES
    transaction, tries = failing(100, Failure("storage", "gone"))
    with pytest.raises(Failure):
        await again(transaction)
    assert len(tries) == 1
