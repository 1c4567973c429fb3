"""Tortoise models of the core's tables, for reports and for the history of migrations.

The migrations make the tables; these describe them. The hot paths use SQL.
"""

from __future__ import annotations

from tortoise import Model, fields

from caracal_core.storage.identity_models import Revocation, Sighting
from caracal_core.storage.ledger_models import (
    Budget,
    BudgetWindow,
    Entry,
    IdempotencyKey,
    Reservation,
)
from caracal_core.storage.price_models import Price
from caracal_core.storage.seal_models import Archive, Checkpoint, Seal, SpendDay

__all__ = [
    "Account",
    "Archive",
    "Budget",
    "BudgetWindow",
    "Checkpoint",
    "Entry",
    "IdempotencyKey",
    "Nonce",
    "Price",
    "ReplayEpoch",
    "Reservation",
    "Revocation",
    "Seal",
    "Sighting",
    "SpendDay",
]


class Account(Model):
    """Who pays: an agent, or a group of agents above it.

    Other tables refer to an account by `id`; the domain's account paths
    (`caracal_core.domain.Agent.accounts`) are made of names, which never change.
    """

    id = fields.CharField(max_length=32, primary_key=True)
    name = fields.CharField(max_length=128, unique=True)
    kind = fields.CharField(max_length=5)
    parent: fields.ForeignKeyNullableRelation[Account] = fields.ForeignKeyField(
        "caracal.Account", related_name="children", null=True, on_delete=fields.RESTRICT
    )
    enabled = fields.BooleanField(default=True)
    created_at = fields.FloatField()

    class Meta:
        """Where it is stored."""

        table = "accounts"


class Nonce(Model):
    """A nonce that was used; the primary key is scope and value together."""

    scope = fields.CharField(max_length=128, primary_key=True)
    value = fields.CharField(max_length=128)
    issued_at = fields.FloatField()
    expires_at = fields.FloatField(db_index=True)

    class Meta:
        """Where it is stored."""

        table = "nonces"
        unique_together = (("scope", "value"),)


class ReplayEpoch(Model):
    """How far the memory of nonces can be trusted, for each timeline of the database.

    Attributes:
        timeline: PostgreSQL's timeline; ``embedded`` on SQLite.
        trusted_from: requests said to be of this time or older may have been forgotten.
        swept_until: nonces that expired before this may have been removed.
    """

    timeline = fields.CharField(max_length=16, primary_key=True)
    trusted_from = fields.FloatField()
    swept_until = fields.FloatField()

    class Meta:
        """Where it is stored."""

        table = "replay_epochs"
