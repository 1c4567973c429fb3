"""The meters as a plugin: enabled with the price book, which alone gives them something to read."""

import pytest

from caracal_core.builtin.meters import MetersPlugin
from caracal_core.builtin.meters.meter import BookMeter
from caracal_core.plugin import Config
from caracal_core.testing.contracts import PluginContract
from caracal_core.testing.fakes import a_services


class TestPlugin(PluginContract):
    """It owes what every plugin owes."""

    @pytest.fixture
    def plugin_class(self):
        return MetersPlugin


def test_it_gives_the_price_books_meter():
    (meter,) = MetersPlugin(Config()).meters(a_services())
    assert isinstance(meter, BookMeter)
