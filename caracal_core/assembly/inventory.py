"""Which plugins there are and what they implement, and which of the chosen ones are missing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct

from caracal_core.assembly.discovery import CORE, Unavailable, installed
from caracal_core.assembly.inspection import hooks_of
from caracal_core.assembly.pins import Pin, files_digest
from caracal_core.config.enabled import Enabled
from caracal_core.config.keys import fields_of


class Item(Struct, frozen=True):
    """One plugin.

    Attributes:
        name: name of its entry point; for core's own, the one it says itself.
        version: of its distribution; empty where it cannot be had.
        distribution: the package that it comes with; empty where it cannot be had.
        state: ``enabled``, ``built-in``, ``installed``, which is not enabled, or of a chosen one
            that stops the start: ``missing``, or ``refused`` where it is installed.
        hooks: those that it implements, read off; nothing where it is not enabled, because it
            is not imported then.
        keys: the keys of the configuration that are its own; nothing where it is not enabled.
        pin: what ``plugins`` would have to say to accept exactly these files.
        problem: why it is missing or refused.
        mend: what mends that.
    """

    name: str
    version: str
    distribution: str
    state: str
    hooks: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    pin: str = ""
    problem: str = ""
    mend: str = ""


def take_inventory(chosen: Sequence[Enabled | Unavailable]) -> tuple[Item, ...]:
    """List the chosen plugins in their order, then the others by name.

    Args:
        chosen: what is enabled, or should be; nothing else is imported.
    """
    pins, offers = _pins(), installed()
    there = tuple(
        _unavailable(plugin, pins, offers)
        if isinstance(plugin, Unavailable)
        else _enabled(plugin, pins)
        for plugin in chosen
    )
    names = {item.name for item in there}
    others = (
        Item(entry.name, dist.version, dist.name, "installed", pin=pins.get(entry.name, ""))
        for entries in offers.values()
        for entry in entries
        if entry.name not in names and (dist := entry.dist) is not None
    )
    return (*there, *others)


def _enabled(plugin: Enabled, pins: Mapping[str, str]) -> Item:
    builtin = plugin.distribution == CORE
    keys = fields_of(plugin.plugin_class.Config)
    return Item(
        plugin.name,
        plugin.version,
        plugin.distribution,
        "built-in" if builtin else "enabled",
        hooks_of(plugin.plugin_class),
        tuple(keys) if builtin else (plugin.name,),
        "" if builtin else pins.get(plugin.name, ""),
    )


def _unavailable(plugin: Unavailable, pins: Mapping[str, str], offers: Collection[str]) -> Item:
    there = plugin.name in offers
    return Item(
        plugin.name,
        "",
        "",
        "refused" if there else "missing",
        pin=pins.get(plugin.name, ""),
        problem=f"{plugin.problem.where}: {plugin.problem.what}",
        mend=plugin.problem.mend,
    )


def _pins() -> Mapping[str, str]:
    """Return the strictest pin of every installed plugin by name."""
    return {
        entry.name: str(Pin(entry.name, dist.version, files_digest(dist) or ""))
        for entries in installed().values()
        for entry in entries
        if (dist := entry.dist) is not None
    }
