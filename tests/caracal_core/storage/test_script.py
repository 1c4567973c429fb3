"""A step's text is the one for the database at hand; that it is atomic is proved by running it."""

from tortoise.backends.asyncpg.client import AsyncpgDBClient
from tortoise.backends.sqlite.client import SqliteClient

from caracal_core.storage.script import Loss, refused_for, script


def test_postgresql_gets_its_text_as_it_is():
    client = AsyncpgDBClient(connection_name="x")
    assert script(client, postgresql="P;", sqlite="S;") == "P;"


def test_sqlite_gets_its_text_within_a_transaction():
    client = SqliteClient(":memory:", connection_name="x")
    assert script(client, postgresql="P;", sqlite="S;") == "BEGIN IMMEDIATE;\nS;"


def test_what_would_be_lost_is_looked_for_within_the_transaction():
    """Before anything is changed, and with words of its own or the table's name."""
    losses = [Loss("things"), Loss("others", "n > 1", "others are too many")]
    client = SqliteClient(":memory:", connection_name="x")
    text = script(client, postgresql="P;", sqlite="S;", losses=losses)
    assert text.startswith("BEGIN IMMEDIATE;")
    assert text.endswith("S;")
    assert text.index("things has rows") < text.index("others are too many") < text.index("S;")


def test_a_refusal_is_told_from_a_failure_by_its_words():
    """Whatever the database puts in front of them."""
    loss = Loss("things", mend="Remove them")
    client = SqliteClient(":memory:", connection_name="x")
    text = script(client, postgresql="P;", sqlite="S;", losses=[loss])
    said = text.partition('CONSTRAINT "')[2].partition('"')[0]
    for words in (said, f"CHECK constraint failed: {said}"):
        assert refused_for(ValueError(words)) == (
            "the table things has rows, which would be lost. Remove them"
        )
    assert refused_for(ValueError("CHECK constraint failed: things")) == ""
