"""Versions of prices are numbered without a gap, kept for ever, and found by their names."""

import asyncio

import pytest

from caracal_core.errors import Failure
from caracal_core.storage import prices
from caracal_core.storage.database import open_database
from caracal_core.storage.migrate import down, up
from caracal_core.storage.prices import (
    PriceError,
    add,
    configured,
    false_version,
    find,
    history,
    newest,
    record,
)

UNGUARD = {
    "sqlite": ["DROP TRIGGER prices_are_not_changed", "DROP TRIGGER prices_are_not_removed"],
    "postgresql": ["ALTER TABLE prices DISABLE TRIGGER USER"],
}


async def unguard(database):
    """Let rows be changed, as only the owner of the table can."""
    for statement in UNGUARD[database.dialect]:
        await database.execute(statement)


async def test_versions_are_numbered_by_tariff(database):
    assert [(await add(database, "a", "{}")).version for _ in range(11)] == [
        str(number) for number in range(1, 12)
    ]
    assert (await add(database, "b", "{}")).version == "1"
    assert (await find(database, "a", "11")).version == "11"


async def test_the_newest_with_a_number_is_in_force(database):
    assert await newest(database) == []
    for number in range(11):
        await add(database, "a", f'"{number}"')
    await add(database, "b", "{}")
    await record(database, "a", "yaml-0123456789abcdef", "{}")
    assert {each.tariff: (each.version, each.terms) for each in await newest(database)} == {
        "a": ("11", '"10"'),
        "b": ("1", "{}"),
    }


async def test_a_version_may_leave_it_to_the_configuration(database):
    made = await add(database, "a", None)
    assert (made.version, made.terms) == ("1", None)
    assert (await find(database, "a", "1")).terms is None


async def test_a_version_of_the_configuration_is_written_once(database):
    for terms in ("{}", "[]"):
        await record(database, "a", "yaml-1", terms)
    (only,) = await history(database, "a")
    assert (only.version, only.terms) == ("yaml-1", "{}")
    assert (await add(database, "a", "{}")).version == "1"


async def test_history_is_told_in_pages(database):
    for _ in range(3):
        await add(database, "a", "{}")
    await add(database, "b", "{}")
    first = await history(database, "a", limit=2)
    assert [each.version for each in first] == ["1", "2"]
    assert [each.version for each in await history(database, "a", after=first[-1].id)] == ["3"]
    created = [each.created_at for each in first]
    assert created == sorted(created)


async def test_what_never_was_is_not_found(database):
    await add(database, "a", "{}")
    for tariff, version in (("a", "2"), ("b", "1"), ("a", "")):
        with pytest.raises(PriceError, match="caracal prices history"):
            await find(database, tariff, version)


async def test_simultaneous_prices_are_each_numbered_or_refused(database):
    done = await asyncio.gather(
        *(add(database, "a", "{}") for _ in range(8)), return_exceptions=True
    )
    refused = [each for each in done if isinstance(each, PriceError)]
    made = sorted(int(each.version) for each in done if each not in refused)
    assert made == list(range(1, len(made) + 1))
    assert len(await history(database, "a")) == len(made) == 8 - len(refused)


async def test_the_table_is_not_removed_while_it_holds_a_version(storage_config):
    """An entry that names one could not be worked out again."""
    async with open_database(storage_config) as database:
        await add(database, "a", "{}")
    with pytest.raises(Failure) as raised:
        await down(storage_config)
    assert raised.value.internal.startswith(
        "a step of caracal is refused: the table prices has rows, which would be lost. Save them "
        "(`caracal prices history TARIFF --json`, "
    )
    assert raised.value.internal.endswith("prices_are_not_removed and do DELETE FROM prices")
    async with open_database(storage_config) as database:
        assert (await find(database, "a", "1")).terms == "{}"
        await unguard(database)
        await database.execute("DELETE FROM prices")
    assert await down(storage_config) == "caracal/6_prices"
    assert await up(storage_config) == ["caracal/6_prices"]


async def test_a_version_is_neither_changed_nor_removed(database):
    """Entries name it; worked out by other terms they would seem wrong, or right."""
    await add(database, "a", "{}")
    statements = ["UPDATE prices SET terms = '[]'", "DELETE FROM prices"]
    if database.dialect == "postgresql":
        statements.append("TRUNCATE prices")
    for statement in statements:
        with pytest.raises(Failure) as refused:
            await database.execute(statement)
        assert "never changed or removed" in refused.value.internal
    assert (await find(database, "a", "1")).terms == "{}"


async def test_terms_that_are_not_those_of_their_name_are_found(database, monkeypatch):
    """Whoever changed them; on whatever page they are."""
    monkeypatch.setattr(prices, "PAGE", 2)
    await add(database, "a", "{}")
    for number in range(5):
        terms = f'{{"per_call":"{number}"}}'
        await record(database, "a", configured("a", terms), terms)
    assert await false_version(database) is None
    await unguard(database)
    await database.execute(
        "UPDATE prices SET terms = '{}' WHERE version = $1", configured("a", '{"per_call":"4"}')
    )
    false = await false_version(database)
    assert (false.tariff, false.version) == ("a", configured("a", '{"per_call":"4"}'))
    await database.execute("DELETE FROM prices WHERE terms = '{}'")
    assert await false_version(database) is None
    terms = '{"per_call":"4"}'
    await record(database, "b", configured("a", terms), terms)
    assert (await false_version(database)).tariff == "b", "the tariff is part of the name"
