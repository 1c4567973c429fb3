"""Tortoise model of the plugin's table, for reports and for the history of migrations.

The migrations make the table; this describes it. Everything here uses SQL.
"""

from __future__ import annotations

from tortoise import Model, fields


class ApiKeyRow(Model):
    """One key that was issued. Instants are unix seconds by the database's clock.

    Attributes:
        agent: name of the agent that it proves.
        hash: keyed hash of the whole key, in hexadecimal digits.
        hash_key: id of the hash key that made the hash.
        routes: JSON array of globs over route ids; empty is every route.
        methods: JSON array of methods or actions; empty is all of them.
        cidrs: JSON array of the networks it may be used from; empty is everywhere.
        not_after: when it ends because it was replaced.
        replaced_by: id of the key in its place.
        last_used_at: begin of the hour or day in which it was last used.
    """

    id = fields.CharField(max_length=16, primary_key=True)
    agent = fields.CharField(max_length=128)
    hash = fields.CharField(max_length=64)
    hash_key = fields.CharField(max_length=8)
    label = fields.CharField(max_length=128, default="")
    routes = fields.TextField(default="[]")
    methods = fields.TextField(default="[]")
    cidrs = fields.TextField(default="[]")
    created_at = fields.FloatField()
    expires_at = fields.FloatField(null=True)
    not_after = fields.FloatField(null=True)
    replaced_by = fields.CharField(max_length=16, null=True)
    revoked_at = fields.FloatField(null=True)
    last_used_at = fields.FloatField(null=True)

    class Meta:
        """Where it is stored."""

        table = "api_keys"
        indexes = (("agent", "created_at", "id"),)
