"""Accounts, and the nonces that were used."""

from tortoise import BaseDBAsyncClient

from caracal_core.storage.script import Loss, script

POSTGRESQL = """
CREATE TABLE accounts (
    id VARCHAR(32) PRIMARY KEY,
    name VARCHAR(128) NOT NULL CONSTRAINT accounts_name_unique UNIQUE,
    kind VARCHAR(5) NOT NULL CONSTRAINT accounts_kind CHECK (kind IN ('agent', 'group')),
    parent_id VARCHAR(32) REFERENCES accounts (id) ON DELETE RESTRICT,
    enabled BOOLEAN NOT NULL DEFAULT TRUE,
    created_at DOUBLE PRECISION NOT NULL,
    CONSTRAINT accounts_not_its_own_parent CHECK (parent_id <> id)
);
CREATE INDEX accounts_parent ON accounts (parent_id);

CREATE TABLE nonces (
    scope VARCHAR(128) NOT NULL,
    value VARCHAR(128) NOT NULL,
    issued_at DOUBLE PRECISION NOT NULL,
    expires_at DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (scope, value)
);
CREATE INDEX nonces_expires_at ON nonces (expires_at);

CREATE TABLE replay_epochs (
    timeline VARCHAR(16) PRIMARY KEY,
    trusted_from DOUBLE PRECISION NOT NULL,
    swept_until DOUBLE PRECISION NOT NULL
);
"""

SQLITE = """
CREATE TABLE accounts (
    id VARCHAR(32) NOT NULL PRIMARY KEY,
    name VARCHAR(128) NOT NULL CONSTRAINT accounts_name_unique UNIQUE,
    kind VARCHAR(5) NOT NULL CONSTRAINT accounts_kind CHECK (kind IN ('agent', 'group')),
    parent_id VARCHAR(32) REFERENCES accounts (id) ON DELETE RESTRICT,
    enabled INT NOT NULL DEFAULT 1,
    created_at REAL NOT NULL,
    CONSTRAINT accounts_not_its_own_parent CHECK (parent_id <> id)
);
CREATE INDEX accounts_parent ON accounts (parent_id);

CREATE TABLE nonces (
    scope VARCHAR(128) NOT NULL,
    value VARCHAR(128) NOT NULL,
    issued_at REAL NOT NULL,
    expires_at REAL NOT NULL,
    PRIMARY KEY (scope, value)
) WITHOUT ROWID;
CREATE INDEX nonces_expires_at ON nonces (expires_at);

CREATE TABLE replay_epochs (
    timeline VARCHAR(16) NOT NULL PRIMARY KEY,
    trusted_from REAL NOT NULL,
    swept_until REAL NOT NULL
);
"""

DROP = """
DROP TABLE replay_epochs;
DROP TABLE nonces;
DROP TABLE accounts;
"""
LOSSES = (Loss("accounts"), Loss("nonces"), Loss("replay_epochs"))


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Make the tables."""
    return script(db, postgresql=POSTGRESQL, sqlite=SQLITE)


async def downgrade(db: BaseDBAsyncClient) -> str:
    """Remove them; refused where one of them has rows."""
    return script(db, postgresql=DROP, sqlite=DROP, losses=LOSSES)
