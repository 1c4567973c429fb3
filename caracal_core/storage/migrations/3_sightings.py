"""Which agents were seen, what kinds of credentials they showed, and what proved them."""

from tortoise import BaseDBAsyncClient

from caracal_core.storage.script import Loss, script

# Every column is fixed in its meaning by `caracal_core.storage.models.Sighting`.
_COLUMNS = """
    agent VARCHAR(128) NOT NULL,
    day INTEGER NOT NULL,
    shown VARCHAR(512) NOT NULL,
    proved VARCHAR(512) NOT NULL,
    trial_proved VARCHAR(512) NOT NULL,
    trial_refused VARCHAR(512) NOT NULL,
    count BIGINT NOT NULL CONSTRAINT sightings_count CHECK (count > 0),
    PRIMARY KEY (day, agent, shown, proved, trial_proved, trial_refused)
"""
POSTGRESQL = f"CREATE TABLE sightings ({_COLUMNS});"
SQLITE = f"CREATE TABLE sightings ({_COLUMNS}) WITHOUT ROWID;"
DROP = "DROP TABLE sightings;"
LOSSES = (Loss("sightings"),)


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Make the table."""
    return script(db, postgresql=POSTGRESQL, sqlite=SQLITE)


async def downgrade(db: BaseDBAsyncClient) -> str:
    """Remove it; refused where it has rows."""
    return script(db, postgresql=DROP, sqlite=DROP, losses=LOSSES)
