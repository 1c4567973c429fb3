"""What a migration file needs: one step, written for both databases."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from tortoise import BaseDBAsyncClient

_MEND = (
    "Save what is to be kept (`caracal ledger export`, `caracal ledger checkpoint`), and give the "
    "older version a database of its own or a copy from before the step; or remove the rows with "
    "SQL as the owner of the tables"
)
_IN_THE_WAY = "rows in the way: "
"""Marks what a step is refused for among all that a database may say."""
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
        why: what is said then, without any quotation or percent mark.
        mend: what to do about it, written so.
    """

    table: str
    condition: str = "1 = 1"
    why: str = ""
    mend: str = _MEND

    @property
    def said(self) -> str:
        """What is said where there are such rows."""
        why = self.why or f"the table {self.table} has rows, which would be lost"
        return f"{why}. {self.mend}"


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


def refused_for(error: Exception) -> str:
    """Return why a step was refused, in the same words on both databases; empty where it failed."""
    return str(error).partition(_IN_THE_WAY)[2]


def _refusal(text: str, loss: Loss) -> str:
    why = _IN_THE_WAY + loss.said
    return text.format(table=loss.table, condition=loss.condition, why=why)
