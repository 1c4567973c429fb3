"""A store that nobody opened says which it will be and refuses every verb; a port asks nobody."""

from __future__ import annotations

import pytest

from caracal_core.assembly.unopened import UnopenedDatabase, no_authorities
from caracal_core.errors import Failure
from caracal_core.ports import Database
from caracal_core.storage.config import StorageConfig


def test_it_says_which_store_it_will_be():
    assert isinstance(UnopenedDatabase(StorageConfig()), Database)
    assert UnopenedDatabase(StorageConfig()).dialect == "sqlite"
    assert UnopenedDatabase(StorageConfig(host="db")).dialect == "postgresql"


async def test_every_verb_fails():
    database = UnopenedDatabase(StorageConfig())
    with pytest.raises(Failure, match="it is not open"):
        await database.fetch("SELECT 1")
    with pytest.raises(Failure, match="it is not open"):
        await database.execute("SELECT 1")
    with pytest.raises(Failure, match="it is not open"):
        await database.transact(None)


def test_a_port_that_is_not_open_believes_nobody():
    assert no_authorities() == ()
