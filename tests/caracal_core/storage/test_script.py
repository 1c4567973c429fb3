"""A step's text is the one for the database at hand; that it is atomic is proved by running it."""

from tortoise.backends.asyncpg.client import AsyncpgDBClient
from tortoise.backends.sqlite.client import SqliteClient

from caracal_core.storage.script import script


def test_postgresql_gets_its_text_as_it_is():
    client = AsyncpgDBClient(connection_name="x")
    assert script(client, postgresql="P;", sqlite="S;") == "P;"


def test_sqlite_gets_its_text_within_a_transaction():
    client = SqliteClient(":memory:", connection_name="x")
    assert script(client, postgresql="P;", sqlite="S;") == "BEGIN IMMEDIATE;\nS;"
