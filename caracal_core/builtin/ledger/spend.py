"""What was spent today and this month, for a page on the operations port."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from caracal_core.builtin.ledger.expiry import now
from caracal_core.builtin.ledger.selection import Selection
from caracal_core.builtin.ledger.summary import By, Sum, summary
from caracal_core.ports import Database

MOST = 100
"""How many agents, and how many routes, are shown: those that spent the most."""

_BY: tuple[By, ...] = ("agent", "route")


async def spend(database: Database) -> object:
    """Return the sums of the current day and the current month in UTC, as JSON may write them.

    Raises:
        Failure: the database cannot be asked.
    """
    moment = datetime.fromtimestamp(await now(database), UTC)
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    first = midnight.replace(day=1)
    return {
        "today": {"day": f"{midnight:%Y-%m-%d}", **await _since(database, midnight)},
        "month": {"month": f"{first:%Y-%m}", **await _since(database, first)},
    }


async def _since(database: Database, start: datetime) -> Mapping[str, object]:
    selection = Selection(since=start.timestamp())
    found: dict[str, object] = {}
    for by in _BY:
        sums = await summary(database, by, selection, limit=MOST + 1, order="most")
        found[f"by_{by}"] = [shown(by, each) for each in sums[:MOST]]
        found[f"more_{by}s"] = len(sums) > MOST
    return found


def shown(by: str, each: Sum) -> Mapping[str, object]:
    """Return a sum as people and programs read it."""
    return {
        by: each.name or None,
        "currency": each.currency,
        "posted": each.posted.decimal,
        "held": each.held.decimal,
        "calls": each.calls,
        "voided": each.voided,
    }
