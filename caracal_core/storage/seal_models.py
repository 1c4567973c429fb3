"""Tortoise models of what proves and sums up the journal; the code that writes it uses SQL.

Amounts are in units (``whole``) and micro-units (``rest``) of the row's currency, apart so that
no sum overflows; instants are in unix seconds by the database's clock.
"""

from __future__ import annotations

from tortoise import Model, fields


class Seal(Model):
    """A link of the chain over the journal; `caracal_core.builtin.ledger.sealing.chain` makes it.

    Attributes:
        number: counts up from 1 without a gap.
        first_id: the first id that it covers, whether or not an entry has it.
        last_id: the last one; the next seal goes on behind it.
        entries: how many entries there are in between.
        digests: of each, in the order of ids, its id and the digest of its canonical form.
        previous: hash of the seal before; of the first one, zeros.
        hash: of all the others.
    """

    number = fields.BigIntField(primary_key=True)
    first_id = fields.BigIntField()
    last_id = fields.BigIntField()
    entries = fields.BigIntField()
    digests = fields.BinaryField()
    previous = fields.BinaryField()
    hash = fields.BinaryField()
    sealed_at = fields.FloatField()

    class Meta:
        """Where it is stored."""

        table = "seals"


class Checkpoint(Model):
    """A signed statement of what a seal's hash is.

    Attributes:
        number: the seal's.
        statement: a compact JWS (RFC 7515).
    """

    number = fields.BigIntField(primary_key=True)
    statement = fields.CharField(max_length=4096)
    created_at = fields.FloatField()

    class Meta:
        """Where it is stored."""

        table = "checkpoints"


class SpendDay(Model):
    """What the sealed entries of one day come to, for each agent, route and currency.

    The primary key is day, agent, route and currency together.

    Attributes:
        day: days since 1970-01-01 in UTC.
        calls: how many charges were posted.
        voided: how many were voided.
        adjusted: how many adjustments were entered beside them.
        amount_whole: what they did cost.
        held_whole: what had been held for them.
        first_id: the first of the entries.
        last_id: the last of them.
    """

    day = fields.IntField(primary_key=True)
    agent = fields.CharField(max_length=128)
    route = fields.CharField(max_length=255)
    currency = fields.CharField(max_length=3)
    calls = fields.BigIntField()
    voided = fields.BigIntField()
    adjusted = fields.BigIntField()
    amount_whole = fields.BigIntField()
    amount_rest = fields.BigIntField()
    held_whole = fields.BigIntField()
    held_rest = fields.BigIntField()
    first_id = fields.BigIntField()
    last_id = fields.BigIntField()

    class Meta:
        """Where it is stored."""

        table = "spend_days"
        unique_together = (("day", "agent", "route", "currency"),)


class Archive(Model):
    """A month whose entries were written to a file and removed here.

    Attributes:
        month: such as 2026-01, in UTC.
        starts: its first instant.
        ends: the first instant behind it.
        first_id: the first of the entries.
        last_id: the last of them.
        entries: how many they are.
        runs: JSON: first and last id of each run of ids that are the month's.
        file: the file's name.
        sha256: of the file, in hexadecimal digits.
    """

    month = fields.CharField(max_length=7, primary_key=True)
    starts = fields.FloatField()
    ends = fields.FloatField()
    first_id = fields.BigIntField()
    last_id = fields.BigIntField()
    entries = fields.BigIntField()
    runs = fields.TextField()
    file = fields.CharField(max_length=1024)
    sha256 = fields.CharField(max_length=64)
    archived_at = fields.FloatField()

    class Meta:
        """Where it is stored."""

        table = "archives"
