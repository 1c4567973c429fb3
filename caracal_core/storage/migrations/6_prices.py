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
CREATE FUNCTION prices_stay() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'prices are added, never changed or removed'; END $$;
CREATE TRIGGER prices_are_not_changed BEFORE UPDATE ON prices
    FOR EACH ROW EXECUTE FUNCTION prices_stay();
CREATE TRIGGER prices_are_not_removed BEFORE DELETE ON prices
    FOR EACH ROW EXECUTE FUNCTION prices_stay();
CREATE TRIGGER prices_are_not_emptied BEFORE TRUNCATE ON prices
    FOR EACH STATEMENT EXECUTE FUNCTION prices_stay();
"""
SQLITE = f"""
CREATE TABLE prices (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    {_COLUMNS.format(instant="REAL")}
);
CREATE TRIGGER prices_are_not_changed BEFORE UPDATE ON prices
    BEGIN SELECT RAISE(ABORT, 'prices are added, never changed or removed'); END;
CREATE TRIGGER prices_are_not_removed BEFORE DELETE ON prices
    BEGIN SELECT RAISE(ABORT, 'prices are added, never changed or removed'); END;
"""
DROP = "DROP TABLE prices;"
_MEND = (
    "Save them (`caracal prices history TARIFF --json`, `caracal prices show TARIFF@VERSION "
    "--json`), stop every gateway, for each writes its own down when it starts, and let the owner "
    "of the tables drop the trigger prices_are_not_removed and do DELETE FROM prices"
)


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Make the table."""
    return script(db, postgresql=POSTGRESQL, sqlite=SQLITE)


async def downgrade(db: BaseDBAsyncClient) -> str:
    """Remove it; refused while it holds versions, which entries of the ledger name."""
    undone = f"{DROP} DROP FUNCTION prices_stay();"
    return script(db, postgresql=undone, sqlite=DROP, losses=[Loss("prices", mend=_MEND)])
