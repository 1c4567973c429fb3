"""One configuration's house: its plugins, its corridor, and who is still inside."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from msgspec import Struct
from pydantic import BaseModel

from caracal_core.assembly.furnishing import Furnishing, furnish
from caracal_core.assembly.wiring import Rules, wire
from caracal_core.builtin.ledger.config import ChargesConfig
from caracal_core.builtin.ledger.plugin import ChargesPlugin
from caracal_core.builtin.replay import ReplayPlugin
from caracal_core.builtin.replay.config import ReplayConfig
from caracal_core.config.core import CoreConfig
from caracal_core.config.enabled import Enabled
from caracal_core.config.load import Loaded
from caracal_core.config.problems import Problems
from caracal_core.domain import Request
from caracal_core.gateway import Gateway
from caracal_core.plugin import Services
from caracal_core.ports import AgentDirectory, Clock, Counter, Deliver, Revocations
from caracal_core.stages.deadline import Warden
from caracal_core.stages.draining import Limits
from caracal_core.stages.replay import Window

S = TypeVar("S", bound=BaseModel)


class Foundation(Struct, frozen=True):
    """What every generation stands on, and what a reload never touches.

    Attributes:
        services: lends a plugin its services, by the plugin's name.
        directory: gives the agent directory for a configuration.
        revocations: knows the revoked credentials.
        clock: tells the time.
        lost: counts stories that no observer could be told.
        misstated: counts costs that a trusted upstream stated and that are none.
        warden: strikes late parts.
        mask: takes secrets out of what observers are told.
    """

    services: Callable[[str], Services]
    directory: Callable[[CoreConfig], AgentDirectory]
    revocations: Revocations
    clock: Clock
    lost: Counter
    misstated: Counter
    warden: Warden
    mask: Callable[[str], str]


class Generation:
    """A furnished house.

    Attributes:
        loaded: the configuration it was made from.
        furnishings: what the enabled plugins brought, in their order, those on trial included.
        serving: the same without those on trial: what has a say.
        gateway: the corridor.
    """

    def __init__(self, loaded: Loaded, furnishings: Sequence[Furnishing], gateway: Gateway) -> None:
        self.loaded = loaded
        self.furnishings = tuple(furnishings)
        self.serving = split(loaded, furnishings)[0]
        self.gateway = gateway
        self._inside = 0
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def inside(self) -> int:
        """How many requests are in the corridor."""
        return self._inside

    async def exchange(self, request: Request, deliver: Deliver) -> None:
        """Lead one request through this generation's corridor."""
        if not self._inside:
            self._empty.clear()
        self._inside += 1
        try:
            await self.gateway.exchange(request, deliver)
        finally:
            self._inside -= 1
            if not self._inside:
                self._empty.set()

    async def emptied(self) -> None:
        """Wait until nobody is inside and every story was told."""
        await self._empty.wait()
        await self.gateway.observation.drain()


def assemble(
    loaded: Loaded,
    foundation: Foundation,
    before: Sequence[Furnishing] = (),
    earlier: frozenset[str] = frozenset(),
) -> Generation:
    """Furnish a house; nothing is opened.

    A plugin whose configuration did not change since ``before`` is carried over whole. So is
    one that keeps state in memory: its new configuration waits for the next start.

    Args:
        loaded: the configuration.
        foundation: what the house stands on.
        before: what may be carried over.
        earlier: the fields that were withheld from upstreams until now.

    Raises:
        Misconfigured: the plugins do not fit together.
    """
    problems = Problems()
    furnishings = furnish_enabled(loaded, foundation, problems, before)
    problems.refuse()
    return compose(loaded, furnishings, foundation, earlier)


def furnish_enabled(
    loaded: Loaded,
    foundation: Foundation,
    problems: Problems,
    before: Sequence[Furnishing] = (),
) -> Sequence[Furnishing]:
    """Furnish every enabled plugin that can be, in their order.

    Args:
        loaded: the configuration.
        foundation: lends the plugins their services.
        problems: is told what is wrong with the others.
        before: what may be carried over.
    """
    old = {furnishing.name: furnishing for furnishing in before}
    furnishings: list[Furnishing] = []
    for plugin in loaded.enabled:
        with problems.collected():
            furnishings.append(
                _carried(plugin, loaded, old.get(plugin.name))
                or furnish(
                    plugin.name,
                    plugin.plugin_class,
                    loaded.sections[plugin.name],
                    foundation.services(plugin.name),
                    plugin.plugin_class.at_root,
                )
            )
    return furnishings


def compose(
    loaded: Loaded,
    furnishings: Sequence[Furnishing],
    foundation: Foundation,
    earlier: frozenset[str] = frozenset(),
) -> Generation:
    """Wire the corridor through what all enabled plugins brought.

    Raises:
        Misconfigured: they do not fit together.
    """
    # What is carried over keeps its own configuration, and the corridor goes by the same.
    in_effect = {**loaded.sections, **{each.name: each.config for each in furnishings}}
    serving, on_trial = split(loaded, furnishings)
    gateway = wire(
        serving,
        foundation.directory(loaded.core),
        foundation.revocations,
        rules(loaded.core, in_effect),
        foundation.warden,
        foundation.clock,
        foundation.lost,
        foundation.misstated,
        foundation.mask,
        on_trial,
        earlier,
    )
    return Generation(loaded, furnishings, gateway)


def split(
    loaded: Loaded, furnishings: Sequence[Furnishing]
) -> tuple[tuple[Furnishing, ...], tuple[Furnishing, ...]]:
    """Return what has a say, and what is on trial."""
    trial = {plugin.name for plugin in loaded.enabled if plugin.trial}
    serving = tuple(each for each in furnishings if each.name not in trial)
    return serving, tuple(each for each in furnishings if each.name in trial)


def _carried(plugin: Enabled, loaded: Loaded, kept: Furnishing | None) -> Furnishing | None:
    if kept is None or type(kept.plugin) is not plugin.plugin_class:
        return None
    same = kept.config == loaded.sections[plugin.name]
    return kept if same or plugin.plugin_class.keeps_state else None


def rules(core: CoreConfig, sections: Mapping[str, BaseModel]) -> Rules:
    """Read the corridor's own rules off the configuration that is in effect.

    Args:
        core: core's own keys.
        sections: the plugins' configurations, by name.
    """
    charges = _section(sections, ChargesPlugin.name, ChargesConfig).charges
    replay = _section(sections, ReplayPlugin.name, ReplayConfig).replay
    window = Window(replay.timestamp_window, replay.future_skew, replay.nonce_seconds)
    return Rules(
        part_seconds=core.part_timeout,
        settle_seconds=core.settle_timeout,
        expire_seconds=charges.expiration,
        longest_seconds=charges.longest_seconds,
        draining=Limits(charges.drain_timeout, charges.drain_max_bytes, charges.drain_at_once),
        replay=window if replay.enabled else None,
    )


def _section(sections: Mapping[str, BaseModel], name: str, kind: type[S]) -> S:
    section = sections[name]
    assert isinstance(section, kind), "the schema made it"  # noqa: S101 - by construction
    return section
