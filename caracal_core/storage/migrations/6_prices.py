"""Every version of a tariff's price: rows are added, and never changed."""

from tortoise import BaseDBAsyncClient

from caracal_core.storage.script import Loss, script

_COLUMNS = """
    tariff VARCHAR(64) NOT NULL,
    version VARCHAR(32) NOT NULL,
    terms TEXT NOT NULL,
    created_at {instant} NOT NULL,
    CONSTRAINT prices_version UNIQUE (tariff, version)
"""
POSTGRESQL = f"""
CREATE TABLE prices (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    {_COLUMNS.format(instant="DOUBLE PRECISION")}
);
"""
SQLITE = f"""
CREATE TABLE prices (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    {_COLUMNS.format(instant="REAL")}
);
"""
DROP = "DROP TABLE prices;"


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Make the table."""
    return script(db, postgresql=POSTGRESQL, sqlite=SQLITE)


async def downgrade(db: BaseDBAsyncClient) -> str:
    """Remove it; refused while it holds versions, which entries of the ledger name."""
    return script(db, postgresql=DROP, sqlite=DROP, losses=[Loss("prices")])
