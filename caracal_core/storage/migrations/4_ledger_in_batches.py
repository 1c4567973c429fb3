"""The ledger in batches: keys, what each amount came from, and a journal by the month.

The functions that write a batch on PostgreSQL stand in ``4_ledger.sql``; on SQLite one process
writes, and decides in its own code.
"""

from pathlib import Path

from tortoise import BaseDBAsyncClient

from caracal_core.storage.script import Loss, script

_HERE = Path(__file__).parent
_COLUMNS = (
    "basis VARCHAR(9) NOT NULL DEFAULT ''",
    "price VARCHAR(128) NOT NULL DEFAULT ''",
)
_RESERVATION = (
    *_COLUMNS,
    "charge VARCHAR(32)",
    "adjusted {boolean} NOT NULL DEFAULT {false}",
)
_KEYS = """
CREATE TABLE idempotency_keys (
    agent VARCHAR(128) NOT NULL,
    key VARCHAR(255) NOT NULL,
    charge VARCHAR(32) NOT NULL,
    fingerprint VARCHAR(64) NOT NULL,
    attempt VARCHAR(32) NOT NULL,
    touched_at {instant} NOT NULL,
    PRIMARY KEY (agent, key)
){options};
CREATE INDEX idempotency_keys_touched_at ON idempotency_keys (touched_at);
"""
_ADJUSTED = """
UPDATE reservations SET adjusted = {true}
WHERE id IN (SELECT charge FROM entries WHERE kind = 'adjustment');
DROP INDEX reservations_created_at;
"""
_COPIED = (
    "id, charge, kind, agent, route, request, currency, held_micro, amount_micro, cause, created_at"
)
_COUNTED_ON = """
SELECT setval(pg_get_serial_sequence('entries', 'id'), max(id)) FROM entries HAVING max(id) > 0;
"""
_JOURNAL = f"""
ALTER TABLE entries RENAME TO entries_before;
DROP FUNCTION entries_stay CASCADE;
{(_HERE / "4_partitions.sql").read_text()}
CREATE TABLE entries (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    charge VARCHAR(32) COLLATE "C" NOT NULL,
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
    {", ".join(_COLUMNS)},
    CONSTRAINT entries_amounts CHECK (
        held_micro >= 0 AND amount_micro >= 0
        AND (kind <> 'voided' OR amount_micro = 0) AND (kind <> 'adjustment' OR held_micro = 0)
    ),
    CONSTRAINT entries_key PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);
CREATE INDEX entries_by_agent ON entries (agent, id);
CREATE INDEX entries_by_charge ON entries (charge);
CREATE INDEX entries_by_time ON entries USING brin (created_at);
CREATE TRIGGER entries_stay BEFORE UPDATE OR DELETE ON entries
    FOR EACH ROW EXECUTE FUNCTION entries_stay();
CREATE TRIGGER entries_stay_whole BEFORE TRUNCATE ON entries
    FOR EACH STATEMENT EXECUTE FUNCTION entries_stay();
SELECT entries_add_partition('entries_default', 'DEFAULT');
SELECT entries_add_month(month) FROM (
    SELECT CAST(extract(epoch FROM date_trunc(
        'month', to_timestamp(created_at) AT TIME ZONE 'UTC')) AS BIGINT)
    FROM entries_before
    UNION SELECT CAST(extract(epoch FROM date_trunc('month', now() AT TIME ZONE 'UTC')
        + ahead * INTERVAL '1 month') AS BIGINT) FROM generate_series(0, 2) AS ahead
) AS needed(month);
INSERT INTO entries ({_COPIED}) OVERRIDING SYSTEM VALUE
    SELECT {_COPIED} FROM entries_before ORDER BY id;
DROP TABLE entries_before;
{_COUNTED_ON}
"""  # noqa: S608 - constants
_JOURNAL_AS_BEFORE = f"""
ALTER TABLE entries RENAME TO entries_after;
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
INSERT INTO entries ({_COPIED}) OVERRIDING SYSTEM VALUE
    SELECT {_COPIED} FROM entries_after ORDER BY id;
DROP TABLE entries_after;
DROP FUNCTION entries_stay, entries_add_partition, entries_add_month;
{_COUNTED_ON}
CREATE UNIQUE INDEX entries_one_ending ON entries (charge, (kind = 'adjustment'));
CREATE INDEX entries_agent ON entries (agent, created_at);
CREATE INDEX entries_created_at ON entries (created_at);
CREATE FUNCTION entries_stay() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'entries are added, never changed or removed'; END $$;
CREATE TRIGGER entries_stay BEFORE UPDATE OR DELETE ON entries
    FOR EACH ROW EXECUTE FUNCTION entries_stay();
"""  # noqa: S608 - constants


def _added(table: str, columns: tuple[str, ...], **words: str) -> str:
    """Return statements that add columns, each by itself as SQLite wants it."""
    return "".join(f"ALTER TABLE {table} ADD COLUMN {each.format(**words)};\n" for each in columns)


def _dropped(table: str, columns: tuple[str, ...]) -> str:
    names = (column.split()[0] for column in columns)
    return "".join(f"ALTER TABLE {table} DROP COLUMN {name};\n" for name in names)


POSTGRESQL = f"""
{_added("reservations", _RESERVATION, boolean="BOOLEAN", false="FALSE")}
ALTER TABLE reservations ALTER COLUMN id TYPE VARCHAR(32) COLLATE "C",
    ALTER COLUMN windows TYPE BIGINT[]
        USING CAST(translate(CAST(windows AS TEXT), '[]', '{{}}') AS BIGINT[]);
{_ADJUSTED.format(true="TRUE")}
{_KEYS.format(instant="DOUBLE PRECISION", options="")}
{_JOURNAL}
{(_HERE / "4_ledger.sql").read_text()}
"""
SQLITE = f"""
{_added("reservations", _RESERVATION, boolean="INT", false="0")}
{_ADJUSTED.format(true="1")}
{_KEYS.format(instant="REAL", options=" WITHOUT ROWID")}
{_added("entries", _COLUMNS)}
DROP INDEX entries_one_ending;
DROP INDEX entries_agent;
DROP INDEX entries_created_at;
CREATE INDEX entries_by_agent ON entries (agent, id);
CREATE INDEX entries_by_charge ON entries (charge);
"""
_BEFORE = """
CREATE INDEX reservations_created_at ON reservations (created_at);
DROP TABLE idempotency_keys;
"""
POSTGRESQL_DOWN = f"""
DROP FUNCTION ledger_write, ledger_end, ledger_hold, ledger_enter, ledger_move, ledger_shortage,
    ledger_paths, ledger_settle_claims, ledger_claim, ledger_starts;
{_JOURNAL_AS_BEFORE}
{_dropped("reservations", _RESERVATION)}
ALTER TABLE reservations ALTER COLUMN id TYPE VARCHAR(32) COLLATE "default",
    ALTER COLUMN windows TYPE JSON
        USING CAST(translate(CAST(windows AS TEXT), '{{}}', '[]') AS JSON);
{_BEFORE}
"""
SQLITE_DOWN = f"""
DROP INDEX entries_by_charge;
DROP INDEX entries_by_agent;
{_dropped("reservations", _RESERVATION)}
{_dropped("entries", _COLUMNS)}
CREATE UNIQUE INDEX entries_one_ending ON entries (charge, (kind = 'adjustment'));
CREATE INDEX entries_agent ON entries (agent, created_at);
CREATE INDEX entries_created_at ON entries (created_at);
{_BEFORE}
"""
_SAID = "basis NOT IN ('', 'held') OR price <> ''"
LOSSES = (
    Loss("idempotency_keys"),
    Loss(
        "reservations",
        f"{_SAID} OR charge IS NOT NULL",
        "reservations say prices, bases or earlier attempts, which would be lost",
    ),
    Loss("entries", _SAID, "entries say prices or bases, which would be lost"),
    Loss(
        "entries",
        "EXISTS (SELECT 1 FROM entries AS e WHERE e.charge = entries.charge"
        " AND e.id > entries.id AND (e.kind = 'adjustment') = (entries.kind = 'adjustment'))",
        "a charge has several endings, of which the older schema holds one",
    ),
)


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Make the table of keys and the new columns; PostgreSQL's journal is laid anew."""
    return script(db, postgresql=POSTGRESQL, sqlite=SQLITE)


async def downgrade(db: BaseDBAsyncClient) -> str:
    """Bring the tables back as they were; refused where they could not hold every row."""
    return script(db, postgresql=POSTGRESQL_DOWN, sqlite=SQLITE_DOWN, losses=LOSSES)
