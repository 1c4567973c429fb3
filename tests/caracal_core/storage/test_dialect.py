"""SQLite gets the statements that PostgreSQL gets, and knows which only read."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_core.storage.dialect import NOW, STATEMENTS, control, for_sqlite


@pytest.mark.parametrize(
    ("written", "sent", "order"),
    [
        ("SELECT $1, $2, $1", "SELECT ?, ?, ?", (0, 1, 0)),
        ("SELECT $12", "SELECT ?", (11,)),
        ("SELECT '$1', \"$2\", $3", "SELECT '$1', \"$2\", ?", (2,)),
        ("SELECT 'it''s $1', $2", "SELECT 'it''s $1', ?", (1,)),
        ("SELECT 1 -- $1\n, $2", "SELECT 1 -- $1\n, ?", (1,)),
        ("SELECT 1 /* $1\n */, $2", "SELECT 1 /* $1\n */, ?", (1,)),
        ("SELECT $0", "SELECT $0", ()),
    ],
)
def test_only_parameters_are_translated(written, sent, order):
    statement = for_sqlite(written)
    assert (statement.sql, statement.order) == (sent, order)


def test_each_parameter_gets_its_argument_wherever_and_however_often_it_stands():
    assert for_sqlite("SELECT $3, $1, $3").bind("abc") == ["c", "a", "c"]


@pytest.mark.parametrize("arguments", ["", "a", "abc"])
def test_arguments_that_do_not_fit_are_refused(arguments):
    with pytest.raises(ValueError, match="2 arguments are needed"):
        for_sqlite("SELECT $2").bind(arguments)


@pytest.mark.parametrize(
    ("sql", "reads"),
    [
        ("SELECT 1", True),
        ("  select 1", True),
        ("-- INSERT\nSELECT 'DELETE'", True),
        ("WITH a AS (SELECT 1) SELECT * FROM a", True),
        ("WITH a AS (SELECT 1) INSERT INTO b SELECT * FROM a", False),
        ("INSERT INTO a VALUES (1) RETURNING a", False),
        ("UPDATE a SET b = (SELECT 1)", False),
        ("DELETE FROM a", False),
        ("PRAGMA journal_mode", False),
        ("CREATE TABLE a AS SELECT 1", False),
        ("", False),
    ],
)
def test_only_what_surely_reads_goes_beside_the_writer(sql, reads):
    assert for_sqlite(sql).reads is reads


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("COMMIT", "COMMIT"),
        ("  commit;", "COMMIT"),
        ("/* SELECT */ -- $1\n rollback to work", "ROLLBACK"),
        (";SAVEPOINT a", "SAVEPOINT"),
        ("\ufeffRELEASE a", "RELEASE"),
        ("PRAGMA query_only(1)", "PRAGMA"),
        ("ATTACH 'x' AS y", "ATTACH"),
        ("SET enable_seqscan = on", "SET"),
        ("START TRANSACTION", "START"),
        ("UPDATE a SET b = 'COMMIT'", None),
        ("SELECT 1 -- COMMIT", None),
        ("INSERT INTO commit VALUES (1)", None),
        ("-- COMMIT", None),
        ("'COMMIT'", None),
        ("", None),
    ],
)
def test_what_would_take_the_transaction_or_the_connection_over_is_told_by_its_word(sql, word):
    assert control(sql) == word


@given(st.text(alphabet="$1 '\"-/*?\nab", max_size=40))
def test_any_text_is_translated_without_losing_a_character(sql):
    statement = for_sqlite(sql.replace("?", "!"))
    numbers = iter(statement.order)
    parts = [f"${next(numbers) + 1}" if part == "?" else part for part in statement.sql]
    assert "".join(parts) == sql.replace("?", "!")


def test_the_memory_of_statements_is_bounded():
    for number in range(STATEMENTS + 10):
        for_sqlite(f"SELECT {number}")
        control(f"SELECT {number}")
    assert control.cache_info().currsize <= STATEMENTS
    assert for_sqlite.cache_info().currsize <= STATEMENTS


async def test_the_database_tells_unix_seconds_with_fractions(database):
    before = time.time()
    (row,) = await database.fetch(f"SELECT {NOW[database.dialect]} AS now")
    assert before - 1 < row["now"] < time.time() + 1
    rows = [await database.fetch(f"SELECT {NOW[database.dialect]} AS now") for _ in range(5)]
    assert any(row["now"] % 1 for (row,) in rows)
