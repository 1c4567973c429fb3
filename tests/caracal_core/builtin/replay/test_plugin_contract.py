"""The built-in replay guard owes what every plugin owes, in the database and in memory."""

import pytest

from caracal_core.builtin.replay.plugin import ReplayPlugin
from caracal_core.testing.contracts import PluginContract
from caracal_core.testing.fakes import a_services


class TestStored(PluginContract):
    """With the guard in the database, on both of them."""

    @pytest.fixture
    def plugin_class(self):
        return ReplayPlugin

    @pytest.fixture
    def bad_configs(self):
        return [
            {"replay": {"store": "somewhere-else"}},
            {"replay": {"nonce_cache_size": 0}},
            {"replay": {"nonce_cache_ttl": "soon-enough"}},
        ]

    @pytest.fixture
    def services(self, database):
        return a_services(database=database)


class TestInMemory(PluginContract):
    """With the guard in memory."""

    @pytest.fixture
    def plugin_class(self):
        return ReplayPlugin

    @pytest.fixture
    def config(self):
        return {"replay": {"store": "memory"}}
