"""What a migration file needs: one step, written for both databases."""

from __future__ import annotations

from tortoise import BaseDBAsyncClient


def script(db: BaseDBAsyncClient, *, postgresql: str, sqlite: str) -> str:
    """Return the text for the database at hand; it is done whole or not at all.

    Args:
        db: what the runner hands to ``upgrade`` and ``downgrade``.
        postgresql: statements for PostgreSQL, each ended by a semicolon.
        sqlite: the same for SQLite.
    """
    if db.capabilities.dialect == "postgres":
        return postgresql
    # SQLite's driver commits what is open before it runs a script; the runner commits the
    # transaction that is opened here together with the entry in its history.
    return f"BEGIN IMMEDIATE;\n{sqlite}"
