"""What a plugin class implements is seen, never claimed; what it may not do is refused."""

from __future__ import annotations

import inspect
from difflib import get_close_matches
from typing import Any, NoReturn

import pluggy
from pydantic import BaseModel

from caracal_core.errors import Misconfigured
from caracal_core.hooks import Hooks
from caracal_core.plugin import Plugin

HOOKS: tuple[str, ...] = tuple(
    name for name, hook in vars(Hooks).items() if hasattr(hook, "caracal_spec")
)
"""The names of all hooks, in the order in which a gateway meets them."""

_OPTIONS = ("wrapper", "hookwrapper", "tryfirst", "trylast", "optionalhook", "specname")


def hooks_of(plugin_class: type[Plugin[Any]]) -> tuple[str, ...]:
    """Return the hooks that a class implements, in the order of `HOOKS`."""
    return tuple(hook for hook in HOOKS if _options(plugin_class, hook) is not None)


def check_class(name: str, candidate: object) -> type[Plugin[Any]]:
    """Return the candidate as the plugin class it has to be.

    Raises:
        Misconfigured: it is no plugin, implements what is no hook, or wants a say in the order.
    """
    if not (isinstance(candidate, type) and issubclass(candidate, Plugin)):
        kind = candidate.__name__ if isinstance(candidate, type) else type(candidate).__name__
        _refuse(name, f"{kind} is no subclass of caracal_core.plugin.Plugin", "Derive it from it.")
    _check_config(name, candidate)
    for method in dir(candidate):
        if method in HOOKS or _options(candidate, method) is not None:
            _check_method(name, candidate, method)
    _check_arguments(name, candidate)
    return candidate


def _check_config(name: str, plugin_class: type[Plugin[Any]]) -> None:
    model: object = plugin_class.Config
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        _refuse(name, "its Config is no pydantic model", "Derive it from plugin.Config.")
    if model.model_config.get("extra") != "forbid":
        _refuse(name, "its Config would take unknown keys", "Derive it from plugin.Config.")


def _check_method(name: str, plugin_class: type[Plugin[Any]], method: str) -> None:
    """Refuse one method that is a hook by its name or by its mark, but not by both."""
    function = getattr(plugin_class, method)
    options = _options(plugin_class, method)
    if options is None:
        if function is not getattr(Hooks, method):
            _refuse(name, f"{method} is a hook without its mark", "Put @hookimpl above it.")
        return
    if method not in HOOKS:
        near = get_close_matches(method, HOOKS, 1)
        mend = f"Did you mean {near[0]}?" if near else f"The hooks are: {', '.join(HOOKS)}."
        _refuse(name, f"{method} is marked as a hook and is none", mend)
    if any(options.get(option) for option in _OPTIONS):
        asked = ", ".join(option for option in _OPTIONS if options.get(option))
        _refuse(
            name,
            f"{method} asks for {asked}",
            "The order of plugins is the operator's: mark it with a plain @hookimpl.",
        )
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        _refuse(
            name,
            f"{method} is asynchronous, and hooks only hand over parts",
            "Make it a plain function; a lifespan wants @asynccontextmanager.",
        )


def _check_arguments(name: str, plugin_class: type[Plugin[Any]]) -> None:
    manager = pluggy.PluginManager("caracal")
    manager.add_hookspecs(Hooks)
    try:
        manager.register(plugin_class, name)
    except pluggy.PluginValidationError as error:
        _refuse(name, str(error).splitlines()[-1], "See caracal_core.hooks for the arguments.")


def _options(plugin_class: type[Plugin[Any]], method: str) -> dict[str, Any] | None:
    """Return what `hookimpl` left on a method, or None where it is not marked."""
    options = getattr(getattr(plugin_class, method, None), "caracal_impl", None)
    return options if isinstance(options, dict) else None


def _refuse(name: str, what: str, mend: str) -> NoReturn:
    raise Misconfigured(f"plugin {name}", what, mend)
