"""Budgets with their windows, reservations, and the journal of what became of them."""

from tortoise import BaseDBAsyncClient

from caracal_core.storage.script import Loss, script

POSTGRESQL = """
CREATE TABLE budgets (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id VARCHAR(32) NOT NULL REFERENCES accounts (id) ON DELETE RESTRICT,
    period VARCHAR(5) NOT NULL
        CONSTRAINT budgets_period CHECK (period IN ('hour', 'day', 'week', 'month', 'total')),
    currency VARCHAR(3) NOT NULL,
    limit_micro BIGINT NOT NULL CONSTRAINT budgets_limit CHECK (limit_micro >= 0),
    CONSTRAINT budgets_unique UNIQUE (account_id, currency, period)
);

CREATE TABLE budget_windows (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    budget_id BIGINT NOT NULL REFERENCES budgets (id) ON DELETE CASCADE,
    starts_at BIGINT NOT NULL,
    limit_micro BIGINT NOT NULL,
    spent_micro BIGINT NOT NULL DEFAULT 0,
    held_micro BIGINT NOT NULL DEFAULT 0,
    excess_micro BIGINT NOT NULL DEFAULT 0,
    CONSTRAINT budget_windows_unique UNIQUE (budget_id, starts_at),
    CONSTRAINT budget_windows_not_negative
        CHECK (limit_micro >= 0 AND spent_micro >= 0 AND held_micro >= 0 AND excess_micro >= 0),
    CONSTRAINT budget_windows_countable CHECK (held_micro <= 9223372036854775807 - spent_micro),
    CONSTRAINT budget_windows_within_limit
        CHECK (spent_micro - excess_micro + held_micro <= limit_micro)
) WITH (fillfactor = 50);

CREATE TABLE reservations (
    id VARCHAR(32) PRIMARY KEY,
    agent VARCHAR(128) NOT NULL,
    accounts TEXT NOT NULL,
    route VARCHAR(255) NOT NULL,
    request VARCHAR(64) NOT NULL,
    currency VARCHAR(3) NOT NULL,
    amount_micro BIGINT NOT NULL CONSTRAINT reservations_amount CHECK (amount_micro >= 0),
    orphan VARCHAR(4) NOT NULL CONSTRAINT reservations_orphan CHECK (orphan IN ('post', 'void')),
    owner VARCHAR(32) NOT NULL,
    windows JSON NOT NULL,
    created_at DOUBLE PRECISION NOT NULL,
    expires_at DOUBLE PRECISION NOT NULL,
    state VARCHAR(7) NOT NULL DEFAULT 'pending'
        CONSTRAINT reservations_state CHECK (state IN ('pending', 'posted', 'voided')),
    posted_micro BIGINT NOT NULL DEFAULT 0,
    cause VARCHAR(16),
    ended_at DOUBLE PRECISION,
    CONSTRAINT reservations_posted
        CHECK (posted_micro >= 0 AND (state = 'posted' OR posted_micro = 0)),
    CONSTRAINT reservations_ended
        CHECK ((state = 'pending') = (ended_at IS NULL) AND (state = 'pending') = (cause IS NULL))
);
CREATE INDEX reservations_open ON reservations (expires_at) WHERE state = 'pending';
CREATE INDEX reservations_created_at ON reservations (created_at);

CREATE TABLE entries (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    charge VARCHAR(32) NOT NULL,
    kind VARCHAR(10) NOT NULL
        CONSTRAINT entries_kind CHECK (kind IN ('posted', 'voided', 'adjustment')),
    agent VARCHAR(128) NOT NULL,
    route VARCHAR(255) NOT NULL,
    request VARCHAR(64) NOT NULL,
    currency VARCHAR(3) NOT NULL,
    held_micro BIGINT NOT NULL,
    amount_micro BIGINT NOT NULL,
    cause VARCHAR(16) NOT NULL,
    created_at DOUBLE PRECISION NOT NULL,
    CONSTRAINT entries_amounts CHECK (
        held_micro >= 0 AND amount_micro >= 0
        AND (kind <> 'voided' OR amount_micro = 0) AND (kind <> 'adjustment' OR held_micro = 0)
    )
);
CREATE UNIQUE INDEX entries_one_ending ON entries (charge, (kind = 'adjustment'));
CREATE INDEX entries_agent ON entries (agent, created_at);
CREATE INDEX entries_created_at ON entries (created_at);

CREATE FUNCTION entries_stay() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'entries are added, never changed or removed'; END $$;
CREATE TRIGGER entries_stay BEFORE UPDATE OR DELETE ON entries
    FOR EACH ROW EXECUTE FUNCTION entries_stay();
"""

SQLITE = """
CREATE TABLE budgets (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    account_id VARCHAR(32) NOT NULL REFERENCES accounts (id) ON DELETE RESTRICT,
    period VARCHAR(5) NOT NULL
        CONSTRAINT budgets_period CHECK (period IN ('hour', 'day', 'week', 'month', 'total')),
    currency VARCHAR(3) NOT NULL,
    limit_micro BIGINT NOT NULL CONSTRAINT budgets_limit CHECK (limit_micro >= 0),
    CONSTRAINT budgets_unique UNIQUE (account_id, currency, period)
);

CREATE TABLE budget_windows (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    budget_id BIGINT NOT NULL REFERENCES budgets (id) ON DELETE CASCADE,
    starts_at BIGINT NOT NULL,
    limit_micro BIGINT NOT NULL,
    spent_micro BIGINT NOT NULL DEFAULT 0,
    held_micro BIGINT NOT NULL DEFAULT 0,
    excess_micro BIGINT NOT NULL DEFAULT 0,
    CONSTRAINT budget_windows_unique UNIQUE (budget_id, starts_at),
    CONSTRAINT budget_windows_not_negative
        CHECK (limit_micro >= 0 AND spent_micro >= 0 AND held_micro >= 0 AND excess_micro >= 0),
    CONSTRAINT budget_windows_countable CHECK (held_micro <= 9223372036854775807 - spent_micro),
    CONSTRAINT budget_windows_within_limit
        CHECK (spent_micro - excess_micro + held_micro <= limit_micro)
);

CREATE TABLE reservations (
    id VARCHAR(32) NOT NULL PRIMARY KEY,
    agent VARCHAR(128) NOT NULL,
    accounts TEXT NOT NULL,
    route VARCHAR(255) NOT NULL,
    request VARCHAR(64) NOT NULL,
    currency VARCHAR(3) NOT NULL,
    amount_micro BIGINT NOT NULL CONSTRAINT reservations_amount CHECK (amount_micro >= 0),
    orphan VARCHAR(4) NOT NULL CONSTRAINT reservations_orphan CHECK (orphan IN ('post', 'void')),
    owner VARCHAR(32) NOT NULL,
    windows TEXT NOT NULL,
    created_at REAL NOT NULL,
    expires_at REAL NOT NULL,
    state VARCHAR(7) NOT NULL DEFAULT 'pending'
        CONSTRAINT reservations_state CHECK (state IN ('pending', 'posted', 'voided')),
    posted_micro BIGINT NOT NULL DEFAULT 0,
    cause VARCHAR(16),
    ended_at REAL,
    CONSTRAINT reservations_posted
        CHECK (posted_micro >= 0 AND (state = 'posted' OR posted_micro = 0)),
    CONSTRAINT reservations_ended
        CHECK ((state = 'pending') = (ended_at IS NULL) AND (state = 'pending') = (cause IS NULL))
);
CREATE INDEX reservations_open ON reservations (expires_at) WHERE state = 'pending';
CREATE INDEX reservations_created_at ON reservations (created_at);

CREATE TABLE entries (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    charge VARCHAR(32) NOT NULL,
    kind VARCHAR(10) NOT NULL
        CONSTRAINT entries_kind CHECK (kind IN ('posted', 'voided', 'adjustment')),
    agent VARCHAR(128) NOT NULL,
    route VARCHAR(255) NOT NULL,
    request VARCHAR(64) NOT NULL,
    currency VARCHAR(3) NOT NULL,
    held_micro BIGINT NOT NULL,
    amount_micro BIGINT NOT NULL,
    cause VARCHAR(16) NOT NULL,
    created_at REAL NOT NULL,
    CONSTRAINT entries_amounts CHECK (
        held_micro >= 0 AND amount_micro >= 0
        AND (kind <> 'voided' OR amount_micro = 0) AND (kind <> 'adjustment' OR held_micro = 0)
    )
);
CREATE UNIQUE INDEX entries_one_ending ON entries (charge, (kind = 'adjustment'));
CREATE INDEX entries_agent ON entries (agent, created_at);
CREATE INDEX entries_created_at ON entries (created_at);

CREATE TRIGGER entries_are_not_changed BEFORE UPDATE ON entries
    BEGIN SELECT RAISE(ABORT, 'entries are added, never changed or removed'); END;
CREATE TRIGGER entries_are_not_removed BEFORE DELETE ON entries
    BEGIN SELECT RAISE(ABORT, 'entries are added, never changed or removed'); END;
"""

DROP = """
DROP TABLE entries;
DROP TABLE reservations;
DROP TABLE budget_windows;
DROP TABLE budgets;
"""
LOSSES = (Loss("budgets"), Loss("reservations"), Loss("entries"))


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Make the tables."""
    return script(db, postgresql=POSTGRESQL, sqlite=SQLITE)


async def downgrade(db: BaseDBAsyncClient) -> str:
    """Remove them; refused where one of them has rows."""
    return script(
        db, postgresql=f"{DROP} DROP FUNCTION entries_stay();", sqlite=DROP, losses=LOSSES
    )
