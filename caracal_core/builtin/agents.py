"""The directory of registered agents, asked once in two seconds for each of them."""

from __future__ import annotations

from typing import Literal

from caracal_core.domain import Agent
from caracal_core.errors import Failure
from caracal_core.ports import Clock, Database
from caracal_core.recent import Recent
from caracal_core.storage.accounts import NAME, AccountError, path, register


class StoredDirectory:
    """Implements `AgentDirectory` on the database.

    Groups cannot authenticate, so they are not found. An agent is enabled if it and every
    account above it is.

    Args:
        database: where the accounts are.
        clock: measures how old an answer is.
        unknown_agents: whether a proven name that nobody registered is refused, or registered.
        newcomers_parent: the account above those that are registered so.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        unknown_agents: Literal["refuse", "register"] = "refuse",
        newcomers_parent: str | None = None,
    ) -> None:
        self._database = database
        self._admits = unknown_agents == "register"
        self._newcomers_parent = newcomers_parent
        # Names that nobody registered must not crowd out the agents.
        self._recent = Recent[str, Agent | None](self._ask, lambda agent: agent is not None, clock)

    async def find(self, name: str) -> Agent | None:
        """Return the agent of this name, at most 2 seconds out of date, or None.

        Raises:
            Failure: the database cannot be asked, or the newcomer not be registered.
        """
        return await self._recent.get(name)

    async def _ask(self, name: str) -> Agent | None:
        if not NAME.fullmatch(name):
            return None
        accounts = await path(self._database, name)
        if not accounts and self._admits:
            await self._admit(name)
            accounts = await path(self._database, name)
        if not accounts or accounts[0].kind == "group":
            return None
        enabled = all(account.enabled for account in accounts)
        return Agent(name, enabled, tuple(account.name for account in accounts))

    async def _admit(self, name: str) -> None:
        try:
            await register(self._database, name, parent=self._newcomers_parent)
        except AccountError as error:
            if not await path(self._database, name):  # else another gateway was quicker
                raise Failure("agent directory", f"cannot register a newcomer: {error}") from error
