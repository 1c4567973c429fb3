"""The table goes up and down, beside the core's and with a history of its own."""

import pytest

from caracal_auth_apikey.migrations import MIGRATIONS
from caracal_core.errors import Failure
from caracal_core.storage.database import open_database
from caracal_core.storage.history import behind
from caracal_core.storage.migrate import down, up


async def test_down_and_up_again_is_the_same_table_and_empty(storage_config):
    async with open_database(storage_config) as database:
        assert await behind(database, [MIGRATIONS]) == []
        assert await down(storage_config, MIGRATIONS) == "auth_apikey/0_api_keys"
        assert await behind(database, [MIGRATIONS]) == ["auth_apikey/0_api_keys"]
        with pytest.raises(Failure, match="caracal db migrate up"):
            await database.fetch("SELECT * FROM api_keys")
    assert await up(storage_config, [MIGRATIONS]) == ["auth_apikey/0_api_keys"]
    async with open_database(storage_config) as database:
        assert await database.fetch("SELECT * FROM api_keys") == []


@pytest.mark.parametrize(
    "values",
    [{"hash": "short"}, {"not_after": 1.0}, {"replaced_by": "b" * 16}, {"label": None}],
    ids=lambda values: next(iter(values)),
)
async def test_the_table_refuses_what_makes_no_sense(desk, values):
    key = await desk.issue()
    with pytest.raises(Failure, match="constraint"):
        await desk.set(key.id, **values)
