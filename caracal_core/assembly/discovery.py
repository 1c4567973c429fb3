"""From the operator's choice to plugin classes; what is not chosen is never imported."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from importlib.metadata import Distribution, EntryPoint, entry_points, version

from msgspec import Struct

from caracal_core.assembly.inspection import check_class
from caracal_core.assembly.own_plugins import OURS, how_to_install, mode_of
from caracal_core.assembly.pinned_imports import import_only
from caracal_core.assembly.pins import Pin, check_pin, parse_pin
from caracal_core.builtin import BUILTINS
from caracal_core.config.core import Selection
from caracal_core.config.enabled import Enabled
from caracal_core.config.problems import Problems
from caracal_core.errors import Misconfigured

__all__ = [
    "Enabled",
    "Unavailable",
    "discover",
    "how_to_install",
    "installed",
    "installed_for",
    "survey",
]

GROUP = "caracal.plugins"
CORE = "caracal-core"


class Unavailable(Struct, frozen=True):
    """A plugin that the operator chose and that cannot be had.

    Attributes:
        name: what its entry point is called, or would be.
        problem: why, and what mends it.
    """

    name: str
    problem: Misconfigured


def installed() -> Mapping[str, tuple[EntryPoint, ...]]:
    """Return every installed plugin's entry points by name, read from metadata alone."""
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for entry in entry_points(group=GROUP):
        found[entry.name] = (*found.get(entry.name, ()), entry)
    return dict(sorted(found.items()))


def discover(selection: Selection) -> tuple[Enabled, ...]:
    """Import the chosen plugins.

    Returns:
        The plugins of AUTH_MODE in its order, then those on trial, then the other ones of
        ``plugins`` in theirs, then the built-ins.

    Raises:
        Misconfigured: a chosen one is not installed, is offered twice, is not the pinned one,
            cannot be imported, or is no plugin; `SeveralMisconfigured` where it is more than
            one of them.
    """
    found = survey(selection)
    Problems(each.problem for each in found if isinstance(each, Unavailable)).refuse()
    return tuple(each for each in found if isinstance(each, Enabled))


def survey(selection: Selection) -> tuple[Enabled | Unavailable, ...]:
    """Import those of the chosen plugins that can be had, and say why the others cannot.

    Returns:
        They are in the order of `discover`.

    Raises:
        Misconfigured: the choice itself is malformed.
    """
    there = installed()
    pins = {pin.name: pin for pin in _pins(selection.plugins)}
    found: dict[str, Enabled | Unavailable] = {}
    for mode in selection.auth_mode:
        each = _of_mode(mode, "auth_mode", pins, there)
        found[each.name] = each
    for mode in selection.auth_trial:
        each = _of_mode(mode, "auth_trial", pins, there)
        if each.name in found:
            raise Misconfigured(
                "auth_trial",
                f"{mode} is enabled by auth_mode or listed already",
                "A mode is enabled or on trial, once: take it out of one of the lists.",
            )
        found[each.name] = each
    for name, pin in pins.items():
        if name not in found:
            found[name] = _had(pin, there)
    return (*found.values(), *_builtins())


def _of_mode(
    mode: str, key: str, pins: Mapping[str, Pin], there: Mapping[str, tuple[EntryPoint, ...]]
) -> Enabled | Unavailable:
    try:
        name = _plugin_of(mode, there, key)
    except Misconfigured as problem:
        return Unavailable(_wanted(mode), problem)
    return _had(pins.get(name, Pin(name)), there, trial=key == "auth_trial")


def _had(
    pin: Pin, there: Mapping[str, tuple[EntryPoint, ...]], *, trial: bool = False
) -> Enabled | Unavailable:
    try:
        return _enable(pin, there, trial=trial)
    except Misconfigured as problem:
        return Unavailable(pin.name, problem)


def installed_for(mode: str) -> str | None:
    """Return the name of the installed plugin that serves a mode, or None where none does.

    Underscores make no difference. Of several such plugins it is the first one by name.
    """
    return next(iter(_serving(mode, installed())), None)


def _pins(plugins: Sequence[str]) -> list[Pin]:
    pins = [parse_pin(text, f"plugins[{index}]") for index, text in enumerate(plugins)]
    for index, pin in enumerate(pins):
        if pin.name in {earlier.name for earlier in pins[:index]}:
            raise Misconfigured(f"plugins[{index}]", f"{pin.name} is listed twice", "List it once.")
    return pins


def _plugin_of(mode: str, there: Mapping[str, tuple[EntryPoint, ...]], key: str) -> str:
    """Return the name of the plugin that serves an authentication mode."""
    names = _serving(mode, there)
    if len(names) > 1:
        raise Misconfigured(
            key, f"{mode} could be each of {', '.join(names)}", "Uninstall all but one."
        )
    if names:
        return names[0]
    ours = _wanted(mode)
    modes = [mode_of(name) for name in there if name.startswith("auth_")]
    mend = how_to_install(ours) or _choices(mode, modes, "Installed modes")
    raise Misconfigured(key, f"no installed plugin serves the mode {mode}", mend)


def _serving(mode: str, there: Collection[str]) -> Sequence[str]:
    wanted = _compact(f"auth_{mode}")
    return [name for name in there if name.startswith("auth_") and _compact(name) == wanted]


def _wanted(mode: str) -> str:
    """Return what a mode's plugin is called where none is installed: as ours, if it is ours."""
    name = f"auth_{mode}"
    return next((ours for ours in OURS if _compact(ours) == _compact(name)), name)


def _compact(name: str) -> str:
    return name.replace("_", "")


def _choices(name: str, known: Sequence[str], title: str) -> str:
    """Return the mend for a name that is unknown: the nearest known one, and all of them."""
    near = get_close_matches(name, known, 1)
    guess = f"Did you mean {near[0]}? " if near else ""
    return f"{guess}{title}: {', '.join(known) or 'none'}."


def _enable(pin: Pin, there: Mapping[str, tuple[EntryPoint, ...]], *, trial: bool) -> Enabled:
    entry, distribution = _only(pin.name, there)
    if files := check_pin(pin, distribution):
        _keep_to(files, entry, distribution)
    plugin_class = check_class(pin.name, _load(entry, distribution))
    if plugin_class.at_root:
        raise Misconfigured(
            f"plugin {pin.name}",
            "its keys would stand at the root of the configuration",
            "Leave at_root to core's own plugins.",
        )
    return Enabled(pin.name, plugin_class, distribution.name, distribution.version, trial)


def _only(
    name: str, there: Mapping[str, tuple[EntryPoint, ...]]
) -> tuple[EntryPoint, Distribution]:
    """Return the one entry point of this name and the distribution that offers it."""
    offers = [(entry, entry.dist) for entry in there.get(name, ()) if entry.dist is not None]
    if not offers:
        mend = how_to_install(name) or _choices(name, list(there), "Installed plugins")
        raise Misconfigured("plugins", f"{name} is not installed", mend)
    if len(offers) > 1:
        names = ", ".join(sorted(distribution.name for _, distribution in offers))
        raise Misconfigured(
            f"plugin {name}", f"more than one package offers it: {names}", "Uninstall all but one."
        )
    return offers[0]


def _keep_to(files: Mapping[str, str], entry: EntryPoint, distribution: Distribution) -> None:
    """Let the plugin be imported from its pinned files alone.

    Raises:
        Misconfigured: its module is none of them, or is imported already from elsewhere.
    """
    where = f"plugin {entry.name}"
    if entry.module not in import_only(distribution, files, where).modules:
        raise Misconfigured(
            where,
            f"pinned by digest, but {entry.module} is no file of {distribution.name}",
            "Pin the package that the plugin's code is in, or remove the digest from the pin.",
        )


def _load(entry: EntryPoint, distribution: Distribution) -> object:
    """Import what the entry point names, whatever goes wrong in the stranger's code."""
    try:
        loaded: object = entry.load()
    except (Exception, SystemExit) as error:
        source = OURS.get(entry.name, f"the package {distribution.name}")
        raise Misconfigured(
            f"plugin {entry.name}",
            f"importing {entry.value} raised {type(error).__name__}: {error}",
            f"Reinstall {source} with what it requires, or disable the plugin.",
        ) from error
    return loaded


def _builtins() -> tuple[Enabled, ...]:
    return tuple(Enabled(each.name, each, CORE, version(CORE)) for each in BUILTINS)
