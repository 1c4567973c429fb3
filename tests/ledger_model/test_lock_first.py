"""Why the windows are locked before anything is decided: without it, limits are passed."""

import asyncio
import random
from pathlib import Path

import msgspec
import pytest

from caracal_core.builtin.ledger.budgets import set_budget
from caracal_core.builtin.ledger.settling import End
from caracal_core.builtin.ledger.writing import write
from caracal_core.domain import Money, Reservation
from caracal_core.storage import accounts, migrations
from caracal_core.storage.database import open_database
from caracal_core.testing.fakes import a_charge

FUNCTION = (Path(migrations.__file__).parent / "4_ledger.sql").read_text()
LOCK = """
    PERFORM FROM budget_windows AS w
    WHERE w.id = ANY(ARRAY(
        SELECT unnest(CAST(p.windows AS BIGINT[])) FROM unnest(path_windows) AS p(windows)
    ) || ended_windows || other_windows)
    ORDER BY w.id FOR UPDATE;
"""
UNWATCHED = """
ALTER TABLE budget_windows DROP CONSTRAINT budget_windows_within_limit
"""
RECORDED = (
    "CREATE TABLE passed (spent BIGINT, held BIGINT, may BIGINT)",
    """
    CREATE FUNCTION record_passed() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.spent_micro + NEW.held_micro > NEW.limit_micro + NEW.excess_micro THEN
            INSERT INTO passed VALUES (
                NEW.spent_micro, NEW.held_micro, NEW.limit_micro + NEW.excess_micro
            );
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER passed AFTER UPDATE ON budget_windows
    FOR EACH ROW EXECUTE FUNCTION record_passed()
    """,
)
WRITERS, LIMIT = 6, 60
BATCHES, MOST_BATCHES = 200, 4000


def _without_the_lock():
    body = FUNCTION[FUNCTION.index("CREATE FUNCTION ledger_write(") :]
    assert LOCK in body
    return body.replace(LOCK, "").replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")


async def _mixed_load(database, batches, dice):
    """Hold by threes, and post, void or leave to the next batch what was held before."""
    held = []
    for _ in range(batches):
        charges = [a_charge(Money(dice.randint(1, 6), "USD"), "hot") for _ in range(3)]
        ends, held = held, []
        verdicts = await write(database, "own", charges, ends)
        for charge, verdict in zip(charges, verdicts, strict=False):
            if isinstance(verdict, Reservation):
                cost = msgspec.structs.replace(charge.amount, micro=dice.randint(0, 1))
                posted = End(charge.id, "reply", cost, "metered")
                held.append(dice.choice([posted, End(charge.id, "not_sent")]))
    await write(database, "own", [], held)


async def _passed(database):
    (row,) = await database.fetch("SELECT count(*) AS count FROM passed")
    return row["count"]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("lock_first", [True, False])
async def test_the_lock_is_what_keeps_the_limit(postgres_config, lock_first):
    """The CHECK is dropped, and a trigger notes every passed limit; six writers share an account.

    With the lock nothing passes in as many batches as it wants; without it something soon does.
    """
    async with open_database(postgres_config) as database:
        for statement in (UNWATCHED, *RECORDED, *([] if lock_first else [_without_the_lock()])):
            await database.execute(statement)
        await accounts.register(database, "hot")
        await set_budget(database, "hot", Money(LIMIT, "USD"), "total")
        seen = done = 0
        while done < (BATCHES if lock_first else MOST_BATCHES) and not seen:
            await set_budget(database, "hot", Money(LIMIT + done, "USD"), "total")
            await asyncio.gather(
                *(_mixed_load(database, 20, random.Random(done + n)) for n in range(WRITERS))
            )
            done += 20
            seen = await _passed(database)
        print(f"{done * WRITERS} batches, {seen} passed limits")  # noqa: T201 - the measurement
        assert (seen == 0) == lock_first
