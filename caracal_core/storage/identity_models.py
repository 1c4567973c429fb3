"""Tortoise models of what is known of credentials: which are revoked, which were seen."""

from __future__ import annotations

from tortoise import Model, fields


class Revocation(Model):
    """One credential that is refused, or all that an agent was issued before an instant.

    Attributes:
        scheme: the scheme that the credential is of; None is any, for an agent's.
        credential: public name of the one credential; None where it is an agent's.
        agent: name of the agent; None where it is one credential's.
        issued_before: unix seconds; the agent's younger credentials are good.
        reason: what the operator said.
        created_at: unix seconds by the database's clock.
        expires_at: when it is forgotten; None is never.
    """

    id = fields.BigIntField(primary_key=True)
    scheme = fields.CharField(max_length=64, null=True)
    credential = fields.CharField(max_length=256, null=True)
    agent = fields.CharField(max_length=128, null=True)
    issued_before = fields.FloatField(null=True)
    reason = fields.CharField(max_length=256)
    created_at = fields.FloatField()
    expires_at = fields.FloatField(null=True)

    class Meta:
        """Where it is stored."""

        table = "revocations"


class Sighting(Model):
    """How often an agent was let in on one day with the same kinds of credentials.

    The primary key is all but the count together. Lists are words with commas between them.

    Attributes:
        agent: the agent's name.
        day: days since 1970-01-01, in UTC.
        shown: the kinds of credentials that the requests showed, never a credential.
        proved: the schemes that proved the agent.
        trial_proved: the schemes on trial that would have proved it, too.
        trial_refused: the schemes on trial that would have refused it.
        count: how many requests.
    """

    agent = fields.CharField(max_length=128)
    day = fields.IntField(primary_key=True, generated=False)
    shown = fields.CharField(max_length=512)
    proved = fields.CharField(max_length=512)
    trial_proved = fields.CharField(max_length=512)
    trial_refused = fields.CharField(max_length=512)
    count = fields.BigIntField()

    class Meta:
        """Where it is stored."""

        table = "sightings"
        unique_together = (("day", "agent", "shown", "proved", "trial_proved", "trial_refused"),)
