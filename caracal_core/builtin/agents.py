"""The directory of registered agents, asked once in two seconds for each of them."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from caracal_core.domain import Agent
from caracal_core.errors import Failure
from caracal_core.ports import Clock, Database
from caracal_core.storage.accounts import NAME, AccountError, path, register

FRESH_SECONDS = 2.0
KNOWN_MAX = 10_000
UNKNOWN_MAX = 1_000


class _Answer(Struct, frozen=True):
    agent: Agent | None
    asked_at: float


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
        self._clock = clock
        self._admits = unknown_agents == "register"
        self._newcomers_parent = newcomers_parent
        self._known: dict[str, _Answer] = {}
        self._unknown: dict[str, _Answer] = {}

    async def find(self, name: str) -> Agent | None:
        """Return the agent of this name, at most 2 seconds out of date, or None.

        Raises:
            Failure: the database cannot be asked, or the newcomer not be registered.
        """
        asked_at = self._clock.monotonic()
        answer = self._known.get(name) or self._unknown.get(name)
        if answer is None or asked_at - answer.asked_at >= FRESH_SECONDS:
            answer = _Answer(await self._ask(name), asked_at)
            self._remember(name, answer)
        return answer.agent

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

    def _remember(self, name: str, answer: _Answer) -> None:
        """Remember the answer instead of any earlier one; the oldest makes room."""
        self._known.pop(name, None)
        self._unknown.pop(name, None)
        # Names that nobody registered must not crowd out the agents.
        memory, most = (
            (self._unknown, UNKNOWN_MAX) if answer.agent is None else (self._known, KNOWN_MAX)
        )
        if len(memory) >= most:
            del memory[next(iter(memory))]
        memory[name] = answer
