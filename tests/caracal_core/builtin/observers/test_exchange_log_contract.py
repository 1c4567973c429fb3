"""The built-in exchange log owes what every plugin owes."""

import pytest

from caracal_core.builtin.observers.exchange_log import ExchangeLogPlugin
from caracal_core.testing.contracts import PluginContract


class TestPlugin(PluginContract):
    """The contract that strangers' plugins keep."""

    @pytest.fixture
    def plugin_class(self):
        return ExchangeLogPlugin
