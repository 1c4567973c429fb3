"""Tortoise model of the prices that were ever in force."""

from __future__ import annotations

from tortoise import Model, fields


class Price(Model):
    """One version of a tariff's price; rows are added and never changed.

    Attributes:
        id: grows with each version that is written down.
        tariff: the tariff's name.
        version: a number for one that was set in the database, else ``yaml-`` and a digest.
        terms: what it says, as JSON text; ``null`` leaves the tariff to the configuration.
        created_at: unix seconds by the database's clock.
    """

    id = fields.BigIntField(primary_key=True)
    tariff = fields.CharField(max_length=64)
    version = fields.CharField(max_length=32)
    terms = fields.TextField()
    created_at = fields.FloatField()

    class Meta:
        """Where it is stored."""

        table = "prices"
        unique_together = (("tariff", "version"),)
