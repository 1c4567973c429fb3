"""Both databases keep the same promises: parameters, rows, counts, transactions, errors."""

import asyncio
import functools
import types

import pytest

from caracal_core.errors import Failure
from caracal_core.ports import Database
from caracal_core.storage.database import open_database
from caracal_core.storage.errors import ConstraintViolated

TABLE = """CREATE TABLE things (
    name VARCHAR(40) PRIMARY KEY,
    size INTEGER NOT NULL CONSTRAINT things_size CHECK (size >= 0)
)"""


@pytest.fixture
async def things(database):
    await database.execute(TABLE)
    return database


async def test_it_is_a_database_that_names_its_dialect(database, storage_config):
    assert isinstance(database, Database)
    assert database.dialect == ("sqlite" if storage_config.embedded else "postgresql")


async def test_returned_rows_are_mappings(things):
    rows = await things.fetch("INSERT INTO things VALUES ($1, $2) RETURNING name, size", "a", 7)
    assert rows == [{"name": "a", "size": 7}]


async def test_parameters_go_by_number_not_by_place(things):
    await things.execute("INSERT INTO things (size, name) VALUES ($2, $1)", "a", 7)
    rows = await things.fetch("SELECT * FROM things WHERE name = $1 OR name = $1", "a")
    assert rows == [{"name": "a", "size": 7}]


async def test_a_dollar_in_a_string_is_text(things):
    rows = await things.fetch("SELECT '$1 it''s $2' AS said /* $3 */ -- $4\n", *())
    assert rows == [{"said": "$1 it's $2"}]


async def test_execute_counts_the_rows_it_touched(things):
    assert await things.execute("INSERT INTO things VALUES ('a', 1), ('b', 2)") == 2
    assert await things.execute("UPDATE things SET size = 3 WHERE name = $1", "a") == 1
    assert await things.execute("DELETE FROM things WHERE name = $1", "z") == 0


async def test_conflicts_that_do_nothing_return_no_row(things):
    insert = "INSERT INTO things VALUES ('a', 1) ON CONFLICT DO NOTHING RETURNING name"
    assert len(await things.fetch(insert)) == 1
    assert len(await things.fetch(insert)) == 0


async def test_the_largest_integers_and_text_survive(database):
    rows = await database.fetch(
        "SELECT CAST($1 AS BIGINT) AS n, CAST($2 AS TEXT) AS t", 2**63 - 1, "ä \U0001f40e '\"\\"
    )
    assert rows == [{"n": 2**63 - 1, "t": "ä \U0001f40e '\"\\"}]


@pytest.mark.parametrize(("row", "constraint"), [(("a", 1), "things"), (("b", -1), "things_size")])
async def test_a_broken_constraint_is_named_and_changes_nothing(things, row, constraint):
    await things.execute("INSERT INTO things VALUES ('a', 1)")
    with pytest.raises(ConstraintViolated) as broken:
        await things.execute("INSERT INTO things VALUES ($1, $2)", *row)
    assert constraint in broken.value.constraint
    assert len(await things.fetch("SELECT * FROM things")) == 1


async def test_a_statement_that_makes_no_sense_is_a_failure(database):
    with pytest.raises(Failure, match="syntax error"):
        await database.execute("NONSENSE")
    assert await database.fetch("SELECT 1 AS one") == [{"one": 1}]


@pytest.mark.parametrize("sql", ["SELECT * FROM newer_table", "SELECT newer_column FROM accounts"])
async def test_what_the_schema_lacks_is_named_with_its_mend(database, sql):
    with pytest.raises(Failure, match=r"newer_.*`caracal db migrate up`"):
        await database.fetch(sql)


async def test_a_transaction_is_committed_when_its_result_is_here(things):
    async def insert(tx):
        await tx.execute("INSERT INTO things VALUES ('a', 1)")
        return len(await tx.fetch("SELECT * FROM things"))

    assert await things.transact(insert) == 1
    assert len(await things.fetch("SELECT * FROM things")) == 1


@pytest.mark.parametrize("error", [KeyError, asyncio.CancelledError])
async def test_any_exception_rolls_a_transaction_back(things, error):
    async def fail_midway(tx):
        await tx.execute("INSERT INTO things VALUES ('a', 1)")
        raise error

    with pytest.raises(error):
        await things.transact(fail_midway)
    assert await things.fetch("SELECT * FROM things") == []


async def test_a_broken_constraint_rolls_the_whole_transaction_back(things):
    async def insert_twice(tx):
        await tx.execute("INSERT INTO things VALUES ('a', 1)")
        await tx.execute("INSERT INTO things VALUES ('a', 2)")

    with pytest.raises(ConstraintViolated):
        await things.transact(insert_twice)
    assert await things.fetch("SELECT * FROM things") == []


@pytest.mark.parametrize("sql", ["COMMIT", "ROLLBACK", "SAVEPOINT a", "SET a = 1", "PRAGMA a"])
async def test_transactions_and_connections_are_the_stores_own(things, sql):
    """A plugin that says such a thing fails alone; nothing of its work is there."""

    async def take_over(tx):
        await tx.execute("INSERT INTO things VALUES ('a', 1)")
        await tx.execute(sql)

    for verb, said in ((things.transact, take_over), (things.fetch, sql), (things.execute, sql)):
        with pytest.raises(Failure, match="is refused"):
            await verb(said)
    assert await things.fetch("SELECT * FROM things") == []


async def test_a_transaction_that_has_ended_takes_no_statement(things):
    async def keep(tx):
        return tx

    ended = await things.transact(keep)
    with pytest.raises(Failure):
        await ended.execute("INSERT INTO things VALUES ('a', 1)")
    assert await things.fetch("SELECT * FROM things") == []


async def test_simultaneous_transactions_lose_nothing(things):
    await things.execute("INSERT INTO things VALUES ('a', 0)")

    async def grow(tx):
        await tx.execute("UPDATE things SET size = size + 1")
        await tx.fetch("SELECT 1")

    await asyncio.gather(*(things.transact(grow) for _ in range(40)))
    assert await things.fetch("SELECT size FROM things") == [{"size": 40}]


async def test_cancelling_at_any_step_leaves_all_or_nothing(things):
    """Both inserts or none, wherever the cancellation strikes, and the store works on."""

    async def insert_two(tx, number):
        for half in "ab":
            await tx.execute("INSERT INTO things VALUES ($1, $2)", f"{half}{number}", number)

    ended = False
    for step in range(100):
        work = functools.partial(insert_two, number=step)
        task = asyncio.ensure_future(_struck(things.transact(work), step))
        (result,) = await asyncio.gather(task, return_exceptions=True)
        ended = result is None
        if ended:
            break
    assert ended
    # PostgreSQL's BEGIN, the two inserts and COMMIT are waited for; SQLite's are done as one.
    assert step >= (4 if things.dialect == "postgresql" else 1)
    rows = await things.fetch("SELECT size, count(*) AS halves FROM things GROUP BY size")
    assert {"size": step, "halves": 2} in rows
    assert all(row["halves"] == 2 for row in rows)


@types.coroutine
def _struck(work, step):
    """Await work, and cancel this task while it waits for the step-th time."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    resume, waits = functools.partial(work.send, None), 0
    while True:
        try:
            future = resume()
        except StopIteration as ended:
            return ended.value
        if waits == step:
            loop.call_soon(task.cancel)
        waits += 1
        try:
            yield future
            resume = functools.partial(work.send, None)
        except BaseException as thrown:  # noqa: BLE001 - handed on to the work
            resume = functools.partial(work.throw, thrown)


async def test_a_closed_store_fails(storage_config):
    async with open_database(storage_config) as database:
        pass
    with pytest.raises(Failure):
        await database.fetch("SELECT 1")
    with pytest.raises(Failure):
        await database.execute("DELETE FROM nonces")
    with pytest.raises(Failure):
        await database.transact(lambda tx: tx.fetch("SELECT 1"))


async def test_what_is_committed_survives_closing(storage_config):
    async with open_database(storage_config) as database:
        await database.execute(TABLE)
        await database.execute("INSERT INTO things VALUES ('a', 1)")
    async with open_database(storage_config) as database:
        assert len(await database.fetch("SELECT * FROM things")) == 1
