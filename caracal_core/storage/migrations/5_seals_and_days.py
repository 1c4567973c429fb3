"""Seals over the journal, signed checkpoints of them, sums by day, and what was archived."""

from tortoise import BaseDBAsyncClient

from caracal_core.storage.script import Loss, script

# Every column is fixed in its meaning by `caracal_core.storage.seal_models`.
_TABLES = """
CREATE TABLE seals (
    number BIGINT NOT NULL PRIMARY KEY,
    first_id BIGINT NOT NULL,
    last_id BIGINT NOT NULL,
    entries BIGINT NOT NULL,
    digests {bytes} NOT NULL,
    previous {bytes} NOT NULL,
    hash {bytes} NOT NULL,
    sealed_at {instant} NOT NULL,
    CONSTRAINT seals_range CHECK (number > 0 AND first_id <= last_id AND entries > 0)
);
CREATE TABLE checkpoints (
    number BIGINT NOT NULL PRIMARY KEY,
    statement VARCHAR(4096) NOT NULL,
    created_at {instant} NOT NULL
);
CREATE TABLE spend_days (
    day INTEGER NOT NULL,
    agent VARCHAR(128) NOT NULL,
    route VARCHAR(255) NOT NULL,
    currency VARCHAR(3) NOT NULL,
    calls BIGINT NOT NULL,
    voided BIGINT NOT NULL,
    adjusted BIGINT NOT NULL,
    amount_whole BIGINT NOT NULL,
    amount_rest BIGINT NOT NULL,
    held_whole BIGINT NOT NULL,
    held_rest BIGINT NOT NULL,
    first_id BIGINT NOT NULL,
    last_id BIGINT NOT NULL,
    PRIMARY KEY (day, agent, route, currency)
);
CREATE TABLE archives (
    month VARCHAR(7) NOT NULL PRIMARY KEY,
    starts {instant} NOT NULL,
    ends {instant} NOT NULL,
    first_id BIGINT NOT NULL,
    last_id BIGINT NOT NULL,
    entries BIGINT NOT NULL,
    runs TEXT NOT NULL,
    file VARCHAR(1024) NOT NULL,
    sha256 VARCHAR(64) NOT NULL,
    archived_at {instant} NOT NULL
);
"""
POSTGRESQL = f"""
{_TABLES.format(bytes="BYTEA", instant="DOUBLE PRECISION")}
CREATE FUNCTION evidence_stays() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'evidence is added, never changed or removed'; END $$;
CREATE TRIGGER seals_stay BEFORE UPDATE OR DELETE ON seals
    FOR EACH ROW EXECUTE FUNCTION evidence_stays();
CREATE TRIGGER checkpoints_stay BEFORE UPDATE OR DELETE ON checkpoints
    FOR EACH ROW EXECUTE FUNCTION evidence_stays();
CREATE TRIGGER archives_stay BEFORE UPDATE OR DELETE ON archives
    FOR EACH ROW EXECUTE FUNCTION evidence_stays();
"""
_STAY = """
CREATE TRIGGER {table}_are_not_changed BEFORE UPDATE ON {table}
    BEGIN SELECT RAISE(ABORT, 'evidence is added, never changed or removed'); END;
CREATE TRIGGER {table}_are_not_removed BEFORE DELETE ON {table}
    BEGIN SELECT RAISE(ABORT, 'evidence is added, never changed or removed'); END;
"""
# What was archived may go; on PostgreSQL its partition does, of which no trigger knows.
_REMOVED = """
DROP TRIGGER entries_are_not_removed;
CREATE TRIGGER entries_are_not_removed BEFORE DELETE ON entries {unless}
    BEGIN SELECT RAISE(ABORT, 'entries are added, never changed or removed'); END;
"""
_ARCHIVED = """WHEN NOT EXISTS (
    SELECT 1 FROM archives WHERE OLD.created_at >= starts AND OLD.created_at < ends
)"""
SQLITE = f"""
{_TABLES.format(bytes="BLOB", instant="REAL")}
{_STAY.format(table="seals")}
{_STAY.format(table="checkpoints")}
{_STAY.format(table="archives")}
{_REMOVED.format(unless=_ARCHIVED)}
"""

DROP = """
DROP TABLE archives;
DROP TABLE spend_days;
DROP TABLE checkpoints;
DROP TABLE seals;
"""
# Sums by day follow from the entries; these follow from nothing.
LOSSES = (Loss("seals"), Loss("checkpoints"), Loss("archives"))


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Make the tables."""
    return script(db, postgresql=POSTGRESQL, sqlite=SQLITE)


async def downgrade(db: BaseDBAsyncClient) -> str:
    """Remove the tables, unless that would lose evidence that the older schema cannot hold."""
    undone = f"{DROP} DROP FUNCTION evidence_stays();"
    sqlite = f"{_REMOVED.format(unless='')}{DROP}"
    return script(db, postgresql=undone, sqlite=sqlite, losses=LOSSES)
