"""Tortoise models of the ledger's tables; the hot paths use SQL.

Amounts are in micro-units of the row's currency, instants in unix seconds by the database's clock.
"""

from __future__ import annotations

from typing import cast

import msgspec
from tortoise import Model, fields


class WindowsField(fields.Field[list[int]], list[int]):  # type: ignore[misc]  # Tortoise asks for both
    """Ids of windows: JSON text on SQLite, an array on PostgreSQL."""

    SQL_TYPE = "BIGINT[]"

    class _db_sqlite:  # noqa: N801 - Tortoise's own name
        SQL_TYPE = "TEXT"

    def to_python_value(self, value: object) -> list[int] | None:
        """Return the ids, whichever form the database gave."""
        return cast(
            list[int] | None, msgspec.json.decode(value) if isinstance(value, str) else value
        )


class Budget(Model):
    """A limit for an account, in one currency, for each window of a period.

    Attributes:
        account: who may spend so much; whoever stands below it spends it too.
        period: ``hour``, ``day``, ``week``, ``month`` or ``total``.
        limit_micro: what fits into each window from the current one on.
    """

    id = fields.BigIntField(primary_key=True)
    account: fields.ForeignKeyRelation[Model] = fields.ForeignKeyField(
        "caracal.Account", related_name="budgets", on_delete=fields.RESTRICT
    )
    period = fields.CharField(max_length=5)
    currency = fields.CharField(max_length=3)
    limit_micro = fields.BigIntField()

    class Meta:
        """Where it is stored."""

        table = "budgets"
        unique_together = (("account", "currency", "period"),)


class BudgetWindow(Model):
    """One calendar window of a budget, in UTC, and what it counts.

    ``spent + held <= limit + excess`` holds at every commit, and is a CHECK of the table.

    Attributes:
        budget: whose window it is.
        starts_at: since when it has been running; 0 for a total.
        limit_micro: what fits; copied from the budget when the window is opened.
        spent_micro: the sum of the entries of the reservations held in it.
        held_micro: the sum of the pending reservations held in it.
        excess_micro: by how much overruns, late posts and lowered limits passed the limit.
    """

    id = fields.BigIntField(primary_key=True)
    budget: fields.ForeignKeyRelation[Budget] = fields.ForeignKeyField(
        "caracal.Budget", related_name="windows", on_delete=fields.CASCADE
    )
    starts_at = fields.BigIntField()
    limit_micro = fields.BigIntField()
    spent_micro = fields.BigIntField(default=0)
    held_micro = fields.BigIntField(default=0)
    excess_micro = fields.BigIntField(default=0)

    class Meta:
        """Where it is stored."""

        table = "budget_windows"
        unique_together = (("budget", "starts_at"),)


class Reservation(Model):
    """A charge: pending while it is held, then posted or voided for good.

    Attributes:
        accounts: JSON array of the names on the account path.
        orphan: what it becomes where nobody renews it: ``post`` or ``void``.
        owner: the process that renews it, named anew at each start.
        windows: the windows that it is held in: a JSON array, on PostgreSQL a BIGINT[]. Not rows
            of their own: two rows less a hold, and no foreign key that locks the busiest rows.
        expires_at: when it is resolved unless it was renewed.
        state: ``pending``, ``posted`` or ``voided``.
        posted_micro: what it did cost by its first ending.
        basis: how the posted amount came about.
        cause: why it ended.
        price: names the version of the price that the amount was computed by.
        charge: public id where it is an earlier attempt's; else NULL, and it is its own.
        adjusted: whether money spent after its end was entered.
    """

    id = fields.CharField(max_length=32, primary_key=True)
    agent = fields.CharField(max_length=128)
    accounts = fields.TextField()
    route = fields.CharField(max_length=255)
    request = fields.CharField(max_length=64)
    currency = fields.CharField(max_length=3)
    amount_micro = fields.BigIntField()
    orphan = fields.CharField(max_length=4)
    owner = fields.CharField(max_length=32)
    windows = WindowsField()
    created_at = fields.FloatField()
    expires_at = fields.FloatField()
    state = fields.CharField(max_length=7, default="pending")
    posted_micro = fields.BigIntField(default=0)
    cause = fields.CharField(max_length=16, null=True)
    ended_at = fields.FloatField(null=True)
    basis = fields.CharField(max_length=9, default="")
    price = fields.CharField(max_length=128, default="")
    charge = fields.CharField(max_length=32, null=True)
    adjusted = fields.BooleanField(default=False)

    class Meta:
        """Where it is stored."""

        table = "reservations"


class Entry(Model):
    """A line of the journal: added, never changed or removed, which triggers see to.

    Attributes:
        charge: the charge's public id.
        kind: ``posted`` and ``voided`` end a hold, ``adjustment`` is money spent beside it.
        held_micro: what had been held until then.
        amount_micro: what it did cost.
        cause: why.
        basis: how the amount came about.
        price: names the version of the price that the hold was computed by.
    """

    id = fields.BigIntField(primary_key=True)
    charge = fields.CharField(max_length=32)
    kind = fields.CharField(max_length=10)
    agent = fields.CharField(max_length=128)
    route = fields.CharField(max_length=255)
    request = fields.CharField(max_length=64)
    currency = fields.CharField(max_length=3)
    held_micro = fields.BigIntField()
    amount_micro = fields.BigIntField()
    cause = fields.CharField(max_length=16)
    created_at = fields.FloatField()
    basis = fields.CharField(max_length=9, default="")
    price = fields.CharField(max_length=128, default="")

    class Meta:
        """Where it is stored."""

        table = "entries"
        indexes = (("agent", "id"), ("charge",))


class IdempotencyKey(Model):
    """A client's key, which is charged once; the primary key is agent and key together.

    Attributes:
        charge: public id of the charge that it stands for: the first attempt's.
        fingerprint: of the request that it came with.
        attempt: the latest reservation.
        touched_at: when that was made.
    """

    agent = fields.CharField(max_length=128, primary_key=True)
    key = fields.CharField(max_length=255)
    charge = fields.CharField(max_length=32)
    fingerprint = fields.CharField(max_length=64)
    attempt = fields.CharField(max_length=32)
    touched_at = fields.FloatField(db_index=True)

    class Meta:
        """Where it is stored."""

        table = "idempotency_keys"
        unique_together = (("agent", "key"),)
