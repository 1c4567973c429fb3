"""The core's tables, step by step. The history's name is ``caracal``.

A step is a file ``<number>_<what>.py`` (numbers count up from 0; a shipped file never changes)::

    from tortoise import BaseDBAsyncClient

    from caracal_core.storage.script import script


    async def upgrade(db: BaseDBAsyncClient) -> str:
        return script(db, postgresql="CREATE TABLE ...;", sqlite="CREATE TABLE ...;")


    async def downgrade(db: BaseDBAsyncClient) -> str:
        return script(db, postgresql="DROP TABLE ...;", sqlite="DROP TABLE ...;")

Each file is written by hand, for both databases, and describes the same tables as the models in
`caracal_core.storage.models`; a test compares them. Old and new gateways run side by side while a
deployment rolls: add columns that have a default, and remove only what no running version uses.
"""

from pathlib import Path

from caracal_core.ports import Migrations

CORE = Migrations("caracal", "caracal_core.storage.models", str(Path(__file__).parent))
"""The core's own migrations, which come before any plugin's."""
