"""One price of a tariff is in force: the database's newest, or else the configuration's."""

import logging

import pytest

from caracal_core.builtin.tariffs.book import PriceBook
from caracal_core.builtin.tariffs.config import TariffConfig
from caracal_core.errors import Failure, Misconfigured
from caracal_core.storage.prices import add, find, history
from caracal_core.testing.fakes.services import NoDatabase

LOG = logging.getLogger("caracal.prices.test")
ONE = TariffConfig(currency="USD", per_call="1")
TWO = TariffConfig(currency="USD", per_call="2")


def a_book(config=ONE):
    return PriceBook({"t": config}, LOG)


async def test_the_configuration_is_in_force_until_the_database_says_otherwise(database):
    book = a_book()
    await book.refresh(database)
    assert book.price("t").version == ONE.version("t")

    await add(database, "t", TWO.terms)
    await book.refresh(database)
    assert (book.price("t").version, book.price("t").per_call) == ("1", 2 * 10**12)

    await add(database, "t", None)
    await book.refresh(database)
    assert book.price("t").version == ONE.version("t")


async def test_what_the_configuration_says_is_written_down_once(database):
    for _ in range(2):
        book = a_book()
        await book.refresh(database)
        await book.refresh(database)
    (written,) = await history(database, "t")
    assert (written.version, written.terms) == (ONE.version("t"), ONE.terms)
    await a_book(TWO).refresh(database)
    assert (await find(database, "t", TWO.version("t"))).terms == TWO.terms


async def test_a_new_configuration_does_not_displace_the_database(database):
    await add(database, "t", ONE.terms)
    book = a_book(TWO)
    await book.refresh(database)
    assert book.price("t").version == "1"


async def test_a_database_that_is_down_changes_nothing(database):
    book = a_book()
    with pytest.raises(Failure):
        await book.refresh(NoDatabase())
    with pytest.raises(Failure, match="t"):
        book.price("t")
    await book.refresh(database)
    before = book.price("t")
    with pytest.raises(Failure):
        await book.refresh(NoDatabase())
    assert book.price("t") is before


@pytest.mark.parametrize(
    "terms",
    ["{}", "[]", "not JSON", '{"currency":"USD","per_call":1}', '{"currency":"USD","per_x":"1"}'],
)
async def test_a_price_that_cannot_be_used_is_told_and_displaces_nothing(database, caplog, terms):
    book = a_book()
    await book.refresh(database)
    await add(database, "t", terms)
    for _ in range(2):
        await book.refresh(database)
    assert book.price("t").version == ONE.version("t")
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == [
        "the price t@1 cannot be used: what was in force stays"
    ]

    fresh = a_book()
    await fresh.refresh(database)
    with pytest.raises(Failure):
        fresh.price("t")


async def test_a_price_in_another_currency_displaces_nothing_and_is_told(database, caplog):
    """Budgets are in the configuration's: nobody would pay what is held in another."""
    book = a_book()
    await book.refresh(database)
    book.check()
    await add(database, "t", TariffConfig(currency="EUR", per_call="2").terms)
    for _ in range(2):
        await book.refresh(database)
    assert book.price("t").version == ONE.version("t")
    told = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert "tariffs.t.currency" in told[0]
    assert "caracal prices set t --as-configured" in told[0]
    assert len(told) == 2

    fresh = a_book()
    await fresh.refresh(database)
    with pytest.raises(Failure):
        fresh.price("t")
    with pytest.raises(Misconfigured, match=r"tariffs\.t\.currency: is USD.* is in EUR"):
        fresh.check()

    await add(database, "t", None)
    await fresh.refresh(database)
    fresh.check()
    assert fresh.price("t").version == ONE.version("t")


async def test_a_new_price_is_told_once(database, caplog):
    caplog.set_level(logging.INFO, LOG.name)
    book = a_book()
    await book.refresh(database)
    await add(database, "t", TWO.terms)
    for _ in range(2):
        await book.refresh(database)
    assert [record.message for record in caplog.records] == ["the price t@1 is in force"]


async def test_other_tariffs_of_the_database_are_nobodys(database):
    await add(database, "other", TWO.terms)
    book = a_book()
    await book.refresh(database)
    with pytest.raises(Failure):
        book.price("other")


async def test_without_a_tariff_the_database_is_not_asked():
    await PriceBook({}, LOG).refresh(NoDatabase())
