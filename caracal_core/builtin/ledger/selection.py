"""Which entries somebody asks for: of an agent, a subtree, a route, a charge, a span of time."""

from __future__ import annotations

from msgspec import Struct

from caracal_core.ports import Database
from caracal_core.storage.accounts import registered

SUBTREE = """
    subtree(id, name) AS (
        SELECT id, name FROM accounts WHERE name = $2
        UNION
        SELECT below.id, below.name
        FROM subtree JOIN accounts AS below ON below.parent_id = subtree.id
    )
"""
"""A table expression, behind WITH RECURSIVE: the account $2 and all below it."""

WHOSE = """
    (CAST($1 AS TEXT) IS NULL OR agent = $1)
    AND (CAST($2 AS TEXT) IS NULL OR agent IN (SELECT name FROM subtree))
    AND (CAST($3 AS TEXT) IS NULL OR route = $3)
"""
"""A condition on agent $1, subtree $2 and route $3."""

WHEN = """
    (CAST($4 AS DOUBLE PRECISION) IS NULL OR created_at >= $4)
    AND (CAST($5 AS DOUBLE PRECISION) IS NULL OR created_at < $5)
"""
"""A condition on the instants $4, included, and $5, not included."""


class Selection(Struct, frozen=True):
    """What entries have to be; None is anything.

    Attributes:
        agent: this agent's.
        under: of this account, or one below it.
        route: this route's.
        since: from this instant on, in unix seconds.
        until: before this instant, in unix seconds.
        charge: of this charge.
        request: of the exchange with this id.
    """

    agent: str | None = None
    under: str | None = None
    route: str | None = None
    since: float | None = None
    until: float | None = None
    charge: str | None = None
    request: str | None = None

    def places(self) -> tuple[str | None, str | None, str | None, float | None, float | None]:
        """Return what stands for $1 to $5."""
        return self.agent, self.under, self.route, self.since, self.until

    async def check(self, database: Database) -> None:
        """See that the accounts it names are some: of nobody, nothing can be said.

        Raises:
            AccountError: one is not registered.
            Failure: the database cannot be asked.
        """
        for name in (self.agent, self.under):
            if name is not None:
                await registered(database, name)


ALL = Selection()
