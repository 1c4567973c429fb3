"""A migrated store, a database that counts, and keys issued in it.

The fixtures `storage_config` and `environment` are the embedded store's; the tree's own
``tests/plugins/test_auth_apikey_postgresql.py`` runs these tests once more on PostgreSQL.
"""

import asyncio
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from caracal_auth_apikey import administration
from caracal_auth_apikey.authenticator import ApiKeyAuthenticator
from caracal_auth_apikey.hash_keys import KeyRing, RingReader
from caracal_auth_apikey.lookup import Lookup
from caracal_auth_apikey.migrations import MIGRATIONS
from caracal_auth_apikey.usage import Usage
from caracal_core.storage.accounts import register
from caracal_core.storage.config import StorageConfig
from caracal_core.storage.database import open_database
from caracal_core.storage.migrate import up
from caracal_core.testing.fakes import FakeClock, FakeHashKeys, a_request

AGENT = "research-1"


class CountingDatabase:
    """Counts what it is asked, and can be down."""

    def __init__(self, database):
        self._database = database
        self.dialect = database.dialect
        self.asked = 0
        self.down = None

    async def fetch(self, sql, *arguments):
        self._ask()
        return await self._database.fetch(sql, *arguments)

    async def execute(self, sql, *arguments):
        self._ask()
        return await self._database.execute(sql, *arguments)

    async def transact(self, work):
        self._ask()
        return await self._database.transact(work)

    def _ask(self):
        self.asked += 1
        if self.down is not None:
            raise self.down


class Desk:
    """Issues keys in a store, and judges them as a gateway does."""

    def __init__(self, database):
        self.database = database
        self.clock = FakeClock()
        self.hash_keys = FakeHashKeys()
        self.ring = KeyRing()
        self.usage = Usage("hour")
        self.authenticator = self.gateway()

    def gateway(self, fresh_seconds=2.0):
        """Return the authenticator of another gateway on this store."""
        lookup = Lookup(self.database, self.clock, fresh_seconds, 100)
        return ApiKeyAuthenticator(lookup, self.ring, self.usage, self.clock)

    @property
    def hash_key(self):
        return self.hash_keys.read()[0]

    async def open(self):
        await self.read_hash_keys()
        await register(self.database, AGENT)

    async def read_hash_keys(self):
        return await RingReader(self.ring, self.hash_keys).read()

    async def issue(self, agent=AGENT, **terms):
        return await administration.issue(self.database, self.hash_key, agent, **terms)

    async def show(self, text, authenticator=None, **request):
        """Show a text in X-API-Key."""
        asked = a_request(headers={"x-api-key": text}, **request)
        return await (authenticator or self.authenticator).authenticate(asked)

    async def set(self, key_id, /, **values):
        """Change a row behind everybody's back."""
        names = ", ".join(f"{name} = ${place}" for place, name in enumerate(values, 2))
        await self.database.execute(
            f"UPDATE api_keys SET {names} WHERE id = $1",  # noqa: S608 - the test's own names
            key_id,
            *values.values(),
        )

    async def row(self, id):
        """Return a row as it is stored."""
        (row,) = await self.database.fetch("SELECT * FROM api_keys WHERE id = $1", id)
        return dict(row)


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """A directory with a migrated store, to be copied."""
    config = StorageConfig(data_dir=tmp_path_factory.mktemp("template"))
    with ThreadPoolExecutor(1) as thread:  # in a thread, for there may be an event loop here
        thread.submit(asyncio.run, up(config, [MIGRATIONS])).result()
    return config.data_dir


@pytest.fixture
def storage_config(template, tmp_path):
    """A fresh, migrated store."""
    data_dir = tmp_path / "data"
    shutil.copytree(template, data_dir)
    return StorageConfig(data_dir=data_dir, pool_timeout=20)


@pytest.fixture
def environment(storage_config):
    """The store as the environment variables of a process."""
    return {"CARACAL_DATA_DIR": str(storage_config.data_dir)}


@pytest.fixture
async def database(storage_config):
    """The store, opened and counting."""
    async with open_database(storage_config) as opened:
        yield CountingDatabase(opened)


@pytest.fixture
async def desk(database):
    """Issues keys for the agent ``research-1``, and judges them."""
    desk = Desk(database)
    await desk.open()
    return desk
