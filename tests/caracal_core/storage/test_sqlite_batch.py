"""Works share a commit and nothing else: what one does wrong harms no other."""

import asyncio
import sqlite3
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_core.errors import Failure
from caracal_core.storage.errors import ConstraintViolated, OutcomeUnknown
from caracal_core.storage.sqlite_batch import commit_together
from caracal_core.storage.sqlite_connection import connect

TABLES = """
CREATE TABLE things (name TEXT PRIMARY KEY);
CREATE TABLE parts (
    thing TEXT REFERENCES things (name) DEFERRABLE INITIALLY DEFERRED, body BLOB
);
"""


@pytest.fixture
def connection(tmp_path):
    opened = connect(tmp_path / "caracal.db", 0.05)
    opened.executescript(TABLES)
    yield opened
    opened.close()


def adds(name, error=None):
    """Return a work that adds a thing, and then raises."""

    async def work(tx):
        await tx.execute("INSERT INTO things VALUES ($1)", name)
        if error is not None:
            raise error
        return name

    return work


def names(connection):
    return [name for (name,) in connection.execute("SELECT name FROM things ORDER BY name")]


async def orphan(tx):
    await tx.execute("INSERT INTO parts (thing) VALUES ('nobody')")


async def fill_the_disk(tx):
    await tx.execute("INSERT INTO parts (body) VALUES (zeroblob(1000000))")


def test_a_batch_is_one_commit_and_each_work_gets_its_own_result(connection):
    said = []
    connection.set_trace_callback(said.append)
    outcomes = commit_together(connection, [adds("a"), adds("b"), adds("c")])
    assert [outcome.value for outcome in outcomes] == ["a", "b", "c"]
    assert said.count("COMMIT") == said.count("BEGIN IMMEDIATE") == 1
    assert names(connection) == ["a", "b", "c"]


@pytest.mark.parametrize("error", [KeyError("own"), asyncio.CancelledError()])
def test_what_one_raises_rolls_back_that_one_only(connection, error):
    works = [adds("a"), adds("b", error), adds("a"), adds("c")]
    first, own, taken, last = commit_together(connection, works)
    assert (first.error, own.error, last.error) == (None, error, None)
    assert isinstance(taken.error, ConstraintViolated)
    assert names(connection) == ["a", "c"]


@pytest.mark.parametrize("raised", [StopIteration, SystemExit, KeyboardInterrupt, GeneratorExit])
def test_what_no_caller_may_be_given_is_a_failure_of_that_one(connection, raised):
    """A future refuses the first, and the others would end the loop of who awaits it."""

    def end(tx):
        raise raised("own")

    first, own, last = commit_together(connection, [adds("a"), end, adds("c")])
    assert (first.error, last.error) == (None, None)
    assert type(own.error) is Failure
    assert own.error.internal == f"a transaction raised {raised.__name__}"
    assert names(connection) == ["a", "c"]


def test_each_sees_what_those_before_it_did(connection):
    async def look(tx):
        return [row["name"] for row in await tx.fetch("SELECT name FROM things")]

    outcomes = commit_together(connection, [adds("a"), look, adds("b", KeyError()), look])
    assert [outcomes[1].value, outcomes[3].value] == [["a"], ["a"]]


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from([True, False, None])), max_size=12)
)
def test_a_batch_ends_as_if_each_had_been_alone(made):
    """Whatever fails in between, and in whatever order."""
    alone, together = connect(":memory:", 1), connect(":memory:", 1)
    for connection in (alone, together):
        connection.executescript(TABLES)
    works = [
        orphan if fails is None else adds(name, KeyError() if fails else None)
        for name, fails in made
    ]
    apart = [commit_together(alone, [work])[0] for work in works]
    shared = commit_together(together, works)
    assert [type(each.error) for each in shared] == [type(each.error) for each in apart]
    assert names(together) == names(alone)
    alone.close()
    together.close()


def test_a_work_that_waits_for_something_else_is_refused(connection):
    @types.coroutine
    def suspend():
        yield

    async def wait(tx):
        await tx.execute("INSERT INTO things VALUES ('b')")
        await suspend()

    outcomes = commit_together(connection, [adds("a"), wait, adds("c")])
    assert isinstance(outcomes[1].error, Failure)
    assert "waited for something else" in str(outcomes[1].error)
    assert names(connection) == ["a", "c"]


async def lose(tx):
    await tx.execute("INSERT INTO things VALUES ('lost')")
    try:
        await tx.execute("INSERT OR ROLLBACK INTO things VALUES ('lost')")
    except Failure:
        await tx.execute("INSERT INTO things VALUES ('later')")


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (orphan, "found by the commit"),
        (lose, "it undid its whole transaction"),
        (fill_the_disk, "full"),
    ],
    ids=["what its commit finds", "what rolls everything back", "a full disk"],
)
@pytest.mark.parametrize("place", [0, 1, 3])
def test_what_one_undoes_is_done_again_without_it(connection, bad, why, place):
    """Nothing that it does after that is committed by itself."""
    connection.execute("PRAGMA max_page_count = 20")
    works = [adds("a"), adds("b", KeyError()), adds("c")]
    works.insert(place, bad)
    outcomes = list(commit_together(connection, works))
    failed = outcomes.pop(place)
    assert type(failed.error) is Failure
    assert why in failed.error.internal
    assert [type(outcome.error) for outcome in outcomes] == [type(None), KeyError, type(None)]
    assert names(connection) == ["a", "c"]
    connection.execute("PRAGMA max_page_count = 1000")
    assert commit_together(connection, [adds("d"), fill_the_disk])[1].error is None


def test_several_that_undo_everything_fail_and_nobody_else_does(connection):
    works = [orphan, adds("a"), lose, adds("a"), orphan, adds("b")]
    errors = [outcome.error for outcome in commit_together(connection, works)]
    assert [type(error) for error in errors] == [
        *(Failure, type(None), Failure),
        *(ConstraintViolated, Failure, type(None)),
    ]
    assert len({id(error) for error in errors if error}) == 4
    assert names(connection) == ["a", "b"]


@pytest.mark.parametrize(
    "sql",
    [
        *("COMMIT", "ROLLBACK", "SAVEPOINT work", "RELEASE work", "ROLLBACK TO work", "END"),
        *("BEGIN IMMEDIATE", "PRAGMA query_only = 1", "ATTACH ':memory:' AS x"),
    ],
)
@pytest.mark.parametrize("swallowed", [True, False])
def test_a_work_cannot_end_the_transaction_or_change_the_connection(connection, sql, swallowed):
    """Also where the store itself has just said the same words."""
    commit_together(connection, [adds("first")])

    async def take_over(tx):
        await tx.execute("INSERT INTO things VALUES ('own')")
        try:
            await tx.execute(sql)
        except Failure:
            if not swallowed:
                raise

    first, own, last = commit_together(connection, [adds("a"), take_over, adds("b")])
    assert (first.error, last.error) == (None, None)
    assert (own.error is None) is swallowed
    assert names(connection) == sorted(["first", "a", "b", *(["own"] if swallowed else [])])
    assert commit_together(connection, [adds("c")])[0].error is None


def test_a_transaction_whose_rollback_failed_is_made_up_for(connection):
    """Else every later write would land in a transaction that nobody commits."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO things VALUES ('lost')")
    assert commit_together(connection, [adds("kept")])[0].value == "kept"
    assert names(connection) == ["kept"]


def test_a_commit_that_the_disk_fails_may_be_done_all_the_same(tmp_path, connection):
    class Failing:
        """A connection whose commits fail, as with a disk that fails."""

        def __init__(self, connection):
            self._connection = connection

        def __getattr__(self, name):
            return getattr(self._connection, name)

        def execute(self, sql, *arguments):
            if sql == "COMMIT":
                raise sqlite3.OperationalError("disk I/O error")
            return self._connection.execute(sql, *arguments)

    (outcome,) = commit_together(Failing(connection), [adds("a")])
    assert isinstance(outcome.error, OutcomeUnknown)
    assert not connection.in_transaction


def test_a_locked_file_fails_everybody_in_time(tmp_path, connection):
    other = connect(tmp_path / "caracal.db", 1)
    other.execute("BEGIN IMMEDIATE")
    outcomes = commit_together(connection, [adds("a"), adds("b")])
    assert ["locked" in str(outcome.error) for outcome in outcomes] == [True, True]
    other.close()
    assert commit_together(connection, [adds("c")])[0].value == "c"
