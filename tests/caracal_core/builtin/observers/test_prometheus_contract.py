"""The built-in metrics owe what every plugin owes."""

import pytest

from caracal_core.builtin.observers.prometheus import PrometheusPlugin
from caracal_core.testing.contracts import PluginContract


class TestPlugin(PluginContract):
    """The contract that strangers' plugins keep."""

    @pytest.fixture
    def plugin_class(self):
        return PrometheusPlugin
