"""The price book as a plugin: prices are known before the first request, and followed."""

import asyncio
import logging

import pytest
from pydantic import ValidationError

from caracal_core.builtin.tariffs import TariffsPlugin, plugin
from caracal_core.builtin.tariffs.config import TariffsConfig
from caracal_core.errors import Failure, Misconfigured
from caracal_core.storage.prices import add
from caracal_core.testing.contracts import PluginContract
from caracal_core.testing.fakes import a_principal, a_request, a_route, a_services

CONFIG = {"tariffs": {"llm_call": {"currency": "USD", "per_call": "0.002"}}}


class TestPlugin(PluginContract):
    """It owes what every plugin owes."""

    @pytest.fixture
    def plugin_class(self):
        return TariffsPlugin

    @pytest.fixture
    def config(self):
        return CONFIG

    @pytest.fixture
    def bad_configs(self):
        return [
            {"tariffs": {"llm_call": {"currency": "USD", "per_call": 0.002}}},
            {"tariffs": {"llm_call": {"currency": "USD"}}},
        ]


def a_plugin():
    return TariffsPlugin(TariffsConfig.model_validate(CONFIG))


async def price(tariff):
    quote = await tariff.quote(a_request(), a_route(tariff="llm_call"), a_principal())
    return quote.amount.decimal


async def test_prices_are_known_once_it_is_open_and_followed_then(database, monkeypatch):
    monkeypatch.setattr(plugin, "REFRESH_SECONDS", 0.01)
    services = a_services(database=database)
    one = a_plugin()
    tariff = one.tariff(services)
    async with one.lifespan(services):
        assert await price(tariff) == "0.002"
        await add(database, "llm_call", '{"currency":"USD","per_call":"0.5"}')
        async with asyncio.timeout(20):
            while await price(tariff) != "0.5":  # noqa: ASYNC110 - the table tells nobody
                await asyncio.sleep(0.01)


async def test_a_database_that_is_down_at_the_start_is_asked_again(database, monkeypatch, caplog):
    monkeypatch.setattr(plugin, "REFRESH_SECONDS", 0.01)
    caplog.set_level(logging.INFO)

    class Late:
        """Down until it is told to come up."""

        dialect = database.dialect
        up, asked = False, 0

        async def fetch(self, *question):
            if not self.up:
                self.asked += 1
                raise Failure("test database", "it is down")
            return await database.fetch(*question)

        async def execute(self, *question):
            if not self.up:
                self.asked += 1
                raise Failure("test database", "it is down")
            return await database.execute(*question)

    services = a_services(database=Late())
    one = a_plugin()
    tariff = one.tariff(services)
    async with one.lifespan(services):
        with pytest.raises(Failure):
            await price(tariff)
        async with asyncio.timeout(20):
            while services.database.asked < 3:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.01)
        services.database.up = True
        async with asyncio.timeout(20):
            while "looked at again" not in caplog.text:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
        assert await price(tariff) == "0.002"
    assert caplog.text.count("cannot be looked at now") == 1


async def test_it_does_not_open_where_the_database_has_a_price_in_another_currency(database):
    """Calls would go on in the old one, and the configuration would say the new."""
    await add(database, "llm_call", '{"currency":"EUR","per_call":"0.5"}')
    services = a_services(database=database)
    with pytest.raises(Misconfigured, match="currency"):
        async with a_plugin().lifespan(services):
            pass


@pytest.mark.parametrize("currency", ["usd", "US", "DOLLAR", "U5D", ""])
def test_what_is_no_currency_is_refused(currency):
    with pytest.raises(ValidationError, match="currency"):
        TariffsConfig.model_validate({"tariffs": {"t": {"currency": currency, "per_call": "1"}}})


def test_no_prices_are_a_tariff_too():
    """Free routes need one to exist."""
    assert TariffsPlugin(TariffsConfig()).tariff(a_services()).names == frozenset()
