"""What a migration file needs: one step, written for both databases."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from tortoise import BaseDBAsyncClient

_POSTGRESQL = """
LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE;
DO $$ BEGIN
    IF EXISTS (SELECT FROM {table} WHERE {condition}) THEN
        RAISE EXCEPTION '{why}';
    END IF;
END $$;
"""
# Outside of triggers SQLite raises nothing by itself; it names the constraint that was violated.
_SQLITE = """
CREATE TEMP TABLE losses (loss INT CONSTRAINT "{why}" CHECK (loss = 0));
INSERT INTO losses SELECT 1 FROM {table} WHERE {condition} LIMIT 1;
DROP TABLE losses;
"""


class Loss(Struct, frozen=True):
    """Rows that would be lost, so that the step is refused where there are any.

    Attributes:
        table: where they are.
        condition: SQL that is true of them; by default all of the table's.
        why: what is said then, without any quotation mark.
    """

    table: str
    condition: str = "1 = 1"
    why: str = ""

    @property
    def said(self) -> str:
        """What is said where there are such rows."""
        return self.why or f"the table {self.table} has rows, which would be lost"


def script(
    db: BaseDBAsyncClient, *, postgresql: str, sqlite: str, losses: Sequence[Loss] = ()
) -> str:
    """Return the text for the database at hand; it is done whole or not at all.

    Args:
        db: what the runner hands to ``upgrade`` and ``downgrade``.
        postgresql: statements for PostgreSQL, each ended by a semicolon.
        sqlite: the same for SQLite.
        losses: what must not be there; else the step fails, says so and changes nothing.
    """
    if db.capabilities.dialect == "postgres":
        return "".join([*(_refusal(_POSTGRESQL, loss) for loss in losses), postgresql])
    # SQLite's driver commits what is open before it runs a script; the runner commits the
    # transaction that is opened here together with the entry in its history.
    return "".join(["BEGIN IMMEDIATE;\n", *(_refusal(_SQLITE, loss) for loss in losses), sqlite])


def _refusal(text: str, loss: Loss) -> str:
    return text.format(table=loss.table, condition=loss.condition, why=loss.said)
