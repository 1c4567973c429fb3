"""The keys that were issued: their hashes, and what limits them."""

from tortoise import BaseDBAsyncClient

from caracal_core.storage.script import script

TABLE = """
CREATE TABLE api_keys (
    id VARCHAR(16) NOT NULL PRIMARY KEY,
    agent VARCHAR(128) NOT NULL CONSTRAINT api_keys_agent REFERENCES accounts (name),
    hash VARCHAR(64) NOT NULL CONSTRAINT api_keys_hash CHECK (length(hash) = 64),
    hash_key VARCHAR(8) NOT NULL,
    label VARCHAR(128) NOT NULL DEFAULT '',
    routes TEXT NOT NULL DEFAULT '[]',
    methods TEXT NOT NULL DEFAULT '[]',
    cidrs TEXT NOT NULL DEFAULT '[]',
    created_at {real} NOT NULL,
    expires_at {real},
    not_after {real},
    replaced_by VARCHAR(16),
    revoked_at {real},
    last_used_at {real},
    CONSTRAINT api_keys_replaced CHECK ((not_after IS NULL) = (replaced_by IS NULL))
);
CREATE INDEX api_keys_agent_created_at ON api_keys (agent, created_at, id);
"""

DROP = "DROP TABLE api_keys;"


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Make the table."""
    return script(
        db,
        postgresql=TABLE.format(real="DOUBLE PRECISION"),
        sqlite=TABLE.format(real="REAL"),
    )


async def downgrade(db: BaseDBAsyncClient) -> str:
    """Remove it with all keys."""
    return script(db, postgresql=DROP, sqlite=DROP)
