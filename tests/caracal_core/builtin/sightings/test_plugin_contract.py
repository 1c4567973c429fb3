"""The built-in sightings owe what every plugin owes, on both databases."""

import pytest

from caracal_core.builtin.sightings.plugin import SightingsPlugin
from caracal_core.testing.contracts import PluginContract
from caracal_core.testing.fakes import a_services


class TestPlugin(PluginContract):
    """The contract that strangers' plugins keep."""

    @pytest.fixture
    def plugin_class(self):
        return SightingsPlugin

    @pytest.fixture
    def bad_configs(self):
        return [{"sightings": {"keep_days": 0}}, {"sightings": {"days": 3}}]

    @pytest.fixture
    def services(self, database):
        return a_services(database=database)
