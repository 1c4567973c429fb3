"""Credentials that are refused before their time, one by one or all of an agent's."""

from tortoise import BaseDBAsyncClient

from caracal_core.storage.script import Loss, script

_COLUMNS = """
    scheme VARCHAR(64),
    credential VARCHAR(256),
    agent VARCHAR(128),
    issued_before {instant},
    reason VARCHAR(256) NOT NULL,
    created_at {instant} NOT NULL,
    expires_at {instant},
    CONSTRAINT revocations_of_one_thing CHECK (
        (credential IS NOT NULL AND scheme IS NOT NULL
         AND agent IS NULL AND issued_before IS NULL)
        OR (credential IS NULL AND agent IS NOT NULL AND issued_before IS NOT NULL)
    )
"""
_INDEXES = """
CREATE INDEX revocations_credential ON revocations (credential, scheme);
CREATE INDEX revocations_agent ON revocations (agent);
CREATE INDEX revocations_expires_at ON revocations (expires_at);
"""
POSTGRESQL = f"""
CREATE TABLE revocations (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    {_COLUMNS.format(instant="DOUBLE PRECISION")}
);
{_INDEXES}
"""
SQLITE = f"""
CREATE TABLE revocations (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    {_COLUMNS.format(instant="REAL")}
);
{_INDEXES}
"""
DROP = "DROP TABLE revocations;"
LOSSES = (Loss("revocations"),)


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Make the table."""
    return script(db, postgresql=POSTGRESQL, sqlite=SQLITE)


async def downgrade(db: BaseDBAsyncClient) -> str:
    """Remove it; refused where it has rows, for what was revoked would be accepted again."""
    return script(db, postgresql=DROP, sqlite=DROP, losses=LOSSES)
