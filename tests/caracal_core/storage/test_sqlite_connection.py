"""A connection writes durably, a reader's does not write, and statements need no event loop."""

from pathlib import Path

import pytest

from caracal_core.errors import Failure
from caracal_core.storage.sqlite_connection import SqliteStatements, connect, failure

INSERT = "INSERT INTO nonces VALUES ($1, $2, 0, 0)"


def _open_files():
    return [file for file in Path("/proc/self/fd").iterdir() if file.is_symlink()]


def ended(steps):
    """Return what a coroutine returns that never waits."""
    with pytest.raises(StopIteration) as stopped:
        steps.send(None)
    return stopped.value.value


@pytest.fixture
def connection(sqlite_config):
    opened = connect(sqlite_config.data_dir / "caracal.db", 1)
    yield opened
    opened.close()


@pytest.fixture
def statements(connection):
    return SqliteStatements(connection)


@pytest.mark.parametrize("reads_only", [True, False])
def test_commits_reach_the_disk_before_they_are_acknowledged(sqlite_config, reads_only):
    connection = connect(sqlite_config.data_dir / "caracal.db", 1, reads_only=reads_only)
    names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "query_only")
    settings = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names]
    connection.close()
    assert settings == ["wal", 2, 1, 1000, int(reads_only)]


def test_a_reader_cannot_write(sqlite_config):
    connection = connect(sqlite_config.data_dir / "caracal.db", 1, reads_only=True)
    with pytest.raises(Failure, match="readonly"):
        SqliteStatements(connection).rows("DELETE FROM nonces", ())
    connection.close()


def test_statements_are_done_before_they_wait(statements):
    assert ended(statements.execute(INSERT, "a", "b")) == 1
    assert ended(statements.fetch("SELECT value FROM nonces")) == [{"value": "b"}]


def test_a_statement_with_returned_rows_counts_them_all(statements):
    two = "INSERT INTO nonces VALUES ('a', '1', 0, 0), ('a', '2', 0, 0) RETURNING value"
    assert ended(statements.execute(two)) == 2


def test_no_statement_is_taken_after_the_end(statements):
    statements.end()
    for verb in (statements.fetch, statements.execute):
        with pytest.raises(Failure, match="has ended"):
            verb("DELETE FROM nonces").send(None)


def test_a_lost_transaction_is_not_gone_on_with(connection, statements):
    """What came next would be committed by itself."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO nonces VALUES ('a', 'b', 0, 0)")
    with pytest.raises(Failure, match="constraint"):
        statements.execute("INSERT OR ROLLBACK INTO nonces VALUES ('a', 'b', 0, 0)").send(None)
    with pytest.raises(Failure, match="has ended"):
        statements.execute(INSERT, "a", "next").send(None)
    assert connection.execute("SELECT * FROM nonces").fetchall() == []


def test_a_failed_statement_alone_loses_nothing(connection, statements):
    connection.execute("BEGIN IMMEDIATE")
    ended(statements.execute(INSERT, "a", "b"))
    with pytest.raises(Failure, match="constraint"):
        statements.execute(INSERT, "a", "b").send(None)
    assert ended(statements.execute(INSERT, "a", "c")) == 1


@pytest.mark.parametrize("argument", [2**63, "\ud800", object()])
def test_what_the_driver_cannot_bind_is_a_failure(statements, argument):
    with pytest.raises(Failure, match="SQLite"):
        statements.fetch("SELECT $1", argument).send(None)


def test_a_missing_table_is_named_with_its_mend(statements):
    with pytest.raises(Failure, match=r"newer.*`caracal db migrate up`"):
        statements.rows("SELECT * FROM newer", ())


def test_other_errors_are_said_plainly():
    assert str(failure(ValueError("odd"))).endswith("SQLite: odd")


def test_a_file_that_is_no_database_fails_and_is_closed(tmp_path):
    path = tmp_path / "caracal.db"
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(Failure, match="not a database") as failed:
        connect(path, 1)
    assert failed.tb is not None, "which would keep an open connection"
    assert str(path) not in {str(file.readlink()) for file in _open_files()}
