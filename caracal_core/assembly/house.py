"""The house that stands while configurations come and go."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from caracal_core.assembly.furnishing import Furnishing
from caracal_core.assembly.generation import Foundation, Generation, assemble
from caracal_core.assembly.lifecycle import Life, close_lives, open_lives
from caracal_core.config.load import Loaded
from caracal_core.domain import Exchange, Request
from caracal_core.domain.counted import counted
from caracal_core.errors import Answered, Misconfigured
from caracal_core.ports import Deliver, HealthCheck, Migrations

EMPTY_SECONDS = 10.0
"""How long the last exchanges and stories may take once nobody new comes in."""

_log = logging.getLogger("caracal.house")


class House:
    """Opens the first generation, swaps in later ones whole, and closes the last.

    Attributes:
        current: the generation that new requests walk through.
        accepting: False once the house is closing; replies then end their connections.
    """

    current: Generation

    def __init__(self, foundation: Foundation) -> None:
        self.accepting = False
        self._foundation = foundation
        self._lives: dict[int, Life] = {}
        self._tasks: dict[Generation, asyncio.Task[None]] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._patrol: asyncio.Task[None] | None = None
        self._changing = asyncio.Lock()

    async def open(self, loaded: Loaded) -> None:
        """Furnish and open the first generation.

        Raises:
            Misconfigured: it cannot be furnished or opened.
        """
        generation = assemble(loaded, self._foundation)
        await self._move_in(generation)
        self._patrol = asyncio.create_task(self._foundation.warden.patrol(), name="warden")
        self.accepting = True

    async def reload(self, loaded: Loaded) -> None:
        """Open a new generation beside the running one, swap, and let the old one empty.

        Raises:
            Misconfigured: it cannot be furnished or opened, or the house is closing; nothing
                changed.
        """
        async with self._changing:
            if not self.accepting:  # what would open now, nobody would close
                raise Misconfigured(
                    "gateway", "it is stopping", "The change takes effect at the next start."
                )
            old = self.current
            withheld = old.gateway.forwarding.credentials
            generation = assemble(loaded, self._foundation, old.furnishings, withheld)
            await self._move_in(generation)
            leaving = asyncio.create_task(self._move_out(old), name="drain")
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)

    async def exchange(self, request: Request, deliver: Deliver) -> None:
        """Lead one request through the current generation; see `Gateway.exchange`."""
        await self.current.exchange(request, deliver)

    def refused(self, id: str, peer: str, error: Answered) -> None:
        """Tell the observers of what was refused before it became a request.

        Args:
            id: our name for it, as the client was told.
            peer: the address of the other end.
            error: why.
        """
        observation = self.current.gateway.observation
        story = Exchange(
            id,
            self._foundation.clock.now(),
            0.0,
            peer,
            method="",
            path="",
            status=error.status,
            code=error.code,
            reason=observation.reasons.word(error),
        )
        observation.note(story)

    def dismiss(self) -> None:
        """End every exchange; holds whose request went out end as `cut`, not as the client's."""
        self._foundation.warden.dismiss()

    @property
    def inside(self) -> int:
        """How many requests are in the corridors of all generations."""
        return sum(generation.inside for generation in self._tasks)

    @property
    def checks(self) -> Sequence[HealthCheck]:
        """The health checks of the current generation."""
        return [check for f in self.current.serving for check in f.health]

    @property
    def migrations(self) -> Sequence[Migrations]:
        """What the current generation's plugins need of the store, in their order."""
        given = [f.plugin.migrations() for f in self.current.furnishings]
        return [each for each in given if each]

    async def settled(self) -> None:
        """Wait until no earlier generation is left."""
        while self._leaving:
            await asyncio.wait(self._leaving)

    async def close(self) -> None:
        """Tell the last stories and close every plugin; the requests have left before."""
        self.accepting = False
        async with self._changing:
            for task in self._leaving:
                task.cancel()
            for generation in list(self._tasks):
                await _emptied(generation)
                self._tasks.pop(generation).cancel()
            await close_lives(list(self._lives.values()))
            self._lives.clear()
            if self._patrol is not None:
                self._patrol.cancel()

    async def _move_in(self, generation: Generation) -> None:
        """Open what is not open yet, and make the generation the current one."""
        fresh = [f for f in generation.furnishings if id(f) not in self._lives]
        fresh.sort(key=lambda furnishing: not furnishing.builtin)  # the ledger closes last
        for life in await open_lives(fresh):
            self._lives[id(life.furnishing)] = life
        self._tasks[generation] = asyncio.create_task(
            generation.gateway.observation.tell(), name="observers"
        )
        self.current = generation

    async def _move_out(self, old: Generation) -> None:
        """Wait until the old generation is empty; close what no other one uses."""
        await old.emptied()
        self._tasks.pop(old).cancel()
        used = {id(f) for generation in self._tasks for f in generation.furnishings}
        unused: list[Furnishing] = [f for f in old.furnishings if id(f) not in used]
        await close_lives([self._lives.pop(id(f)) for f in unused])


async def _emptied(generation: Generation) -> None:
    """Wait until everybody has left, but not for somebody who never will."""
    try:
        async with asyncio.timeout(EMPTY_SECONDS):
            await generation.emptied()
    except TimeoutError:
        _log.error(
            "closing, although an observer or %s did not end",
            counted(generation.inside, "exchange"),
        )
