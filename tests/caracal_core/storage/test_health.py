"""A store that cannot be asked or written, or whose schema is behind, is not well and says why."""

import sqlite3
from contextlib import closing

from caracal_core.ports import HealthCheck, Migrations
from caracal_core.storage import health
from caracal_core.storage.database import open_database
from caracal_core.storage.health import StoreHealth


async def test_a_migrated_store_is_well(database):
    check = StoreHealth(database)
    assert isinstance(check, HealthCheck)
    assert check.name == "database"
    assert await check.check() is None


async def test_a_schema_that_is_behind_is_named_with_its_mend(database, tmp_path):
    """It may be so since a reload enabled another plugin."""
    (tmp_path / "0_things.py").write_text("")
    enabled = []
    check = StoreHealth(database, lambda: enabled)
    assert await check.check() is None
    enabled.append(Migrations("things", "models", str(tmp_path)))
    assert await check.check() == ("the schema lacks things/0_things; run `caracal db migrate up`")


async def test_a_blank_store_is_behind(blank_config):
    async with open_database(blank_config) as database:
        assert "0_accounts_and_nonces" in await StoreHealth(database).check()


async def test_a_server_that_is_gone_is_said_without_the_password(mortal_postgresql):
    mortal_postgresql.stop()
    async with open_database(mortal_postgresql.config("postgres")) as database:
        said = await StoreHealth(database).check()
    assert said.startswith("the database cannot be asked: ")
    assert "correct horse" not in said


async def test_a_lock_that_another_process_keeps_is_told(sqlite_config, monkeypatch):
    monkeypatch.setattr(health, "WRITE_SECONDS", 0.05)
    async with open_database(sqlite_config) as database:
        check = StoreHealth(database)
        with closing(sqlite3.connect(sqlite_config.data_dir / "caracal.db")) as other:
            other.execute("BEGIN IMMEDIATE")
            assert await check.check() == "the database took no write in 0.05 s"
            other.rollback()
        monkeypatch.setattr(health, "WRITE_SECONDS", 20)
        assert await check.check() is None


async def test_a_write_is_really_written(sqlite_config):
    """Else a full disk would show in the first charge only."""
    log = sqlite_config.data_dir / "caracal.db-wal"
    async with open_database(sqlite_config) as database:
        before = log.stat().st_size
        assert await StoreHealth(database).check() is None
        assert log.stat().st_size > before


async def test_a_server_that_only_reads_is_told(postgresql, postgres_config):
    """Such as one that was asked to, or a standby."""
    name = postgres_config.name
    postgresql.sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    async with open_database(postgres_config) as database:
        said = await StoreHealth(database).check()
    assert said.startswith("the database cannot be written: PostgreSQL: ReadOnly")
