"""The built-in ledger owes what every plugin owes, on both databases."""

import pytest

from caracal_core.builtin.ledger.plugin import ChargesPlugin
from caracal_core.testing.contracts import PluginContract
from caracal_core.testing.fakes import a_services


class TestPlugin(PluginContract):
    """The contract that strangers' plugins keep."""

    @pytest.fixture
    def plugin_class(self):
        return ChargesPlugin

    @pytest.fixture
    def bad_configs(self):
        return [
            {"charges": {"expiration": 0}},
            {"charges": {"expiration": "NaN"}},
            {"charges": {"cleanup_batch_size": -1}},
        ]

    @pytest.fixture
    def services(self, database):
        return a_services(database=database)
