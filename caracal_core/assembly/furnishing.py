"""One plugin, constructed and asked for its parts: everything it brings into the house."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, Generic, TypeVar

import pluggy
from msgspec import Struct
from pydantic import BaseModel

from caracal_core.errors import Misconfigured
from caracal_core.hooks import Hooks
from caracal_core.plugin import Plugin, Services
from caracal_core.ports import (
    Authenticator,
    Endpoint,
    FileReader,
    HealthCheck,
    Ledger,
    Meter,
    Observer,
    Policy,
    ReplayGuard,
    ReplyFilter,
    Router,
    Tariff,
    Upstream,
)

P = TypeVar("P")


class Role(Struct, Generic[P], frozen=True):
    """What a part of one hook must be able to do.

    Attributes:
        port: the Protocol.
        verbs: each verb, and how many arguments it is called with.
    """

    port: type[P]
    verbs: Mapping[str, int]


class Furnishing(Struct, frozen=True):
    """What one plugin brought.

    Attributes:
        name: the plugin's name.
        builtin: whether it is core's own.
        plugin: the instance.
        lifespan: opens and closes what the plugin needs.
        others: one tuple or mapping for each hook, named as the hook.
    """

    name: str
    builtin: bool
    plugin: Plugin[Any]
    lifespan: Callable[[], AbstractAsyncContextManager[None]]
    files: tuple[FileReader, ...] = ()
    routers: tuple[Router, ...] = ()
    authenticators: tuple[Authenticator, ...] = ()
    replay_guard: ReplayGuard | None = None
    policies: tuple[Policy, ...] = ()
    tariff: Tariff | None = None
    meters: tuple[Meter, ...] = ()
    ledger: Ledger | None = None
    upstreams: Mapping[str, Upstream] = {}
    reply_filters: tuple[ReplyFilter, ...] = ()
    observers: tuple[Observer, ...] = ()
    health: tuple[HealthCheck, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()

    @property
    def config(self) -> BaseModel:
        """The configuration that the plugin was made with."""
        config: BaseModel = self.plugin.config
        return config


_ROLES: Mapping[str, Role[Any]] = {
    "files": Role(FileReader, {"read": 0}),
    "routers": Role(Router, {"match": 1}),
    "authenticators": Role(Authenticator, {"authenticate": 1}),
    "replay_guard": Role(ReplayGuard, {"claim": 1}),
    "policies": Role(Policy, {"decide": 1}),
    "tariff": Role(Tariff, {"quote": 3}),
    "meters": Role(Meter, {"recognise": 3}),
    "ledger": Role(Ledger, {"reserve": 1, "post": 4, "void": 2}),
    "upstreams": Role(Upstream, {"send": 3}),
    "reply_filters": Role(ReplyFilter, {"filter": 2}),
    "observers": Role(Observer, {"observe": 1}),
    "health": Role(HealthCheck, {"check": 0}),
    "endpoints": Role(Endpoint, {}),
}
_SINGLE = frozenset({"replay_guard", "tariff", "ledger"})


def furnish(
    name: str, plugin_class: type[Plugin[Any]], config: BaseModel, services: Services, builtin: bool
) -> Furnishing:
    """Construct a plugin and collect its parts; nothing is opened.

    Raises:
        Misconfigured: the constructor or a hook raised, or gave something that is no part.
    """
    plugin = _construct(name, plugin_class, config)
    manager = pluggy.PluginManager("caracal")
    manager.add_hookspecs(Hooks)
    manager.register(plugin, name)
    given: dict[str, Any] = {}
    for hook, role in _ROLES.items():
        for answer in _call(name, hook, getattr(manager.hook, hook), services):
            given[hook] = _checked(name, hook, role, answer)
    spans = _call(name, "lifespan", manager.hook.lifespan, services)

    def lifespan() -> AbstractAsyncContextManager[None]:
        return spans[0] if spans else nullcontext()

    return Furnishing(name, builtin, plugin, lifespan, **given)


def _construct(name: str, plugin_class: type[Plugin[Any]], config: BaseModel) -> Plugin[Any]:
    try:
        plugin = plugin_class(config)
    except (Misconfigured, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise _broken(name, "its constructor", error) from error
    plugin.name = name
    return plugin


def _call(name: str, hook: str, caller: Callable[..., Any], services: Services) -> Sequence[Any]:
    """Return the plugin's answer to one hook as a list of one, or an empty list."""
    try:
        answers: Sequence[Any] = caller(services=services)
    except (Misconfigured, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise _broken(name, f"its hook {hook}", error) from error
    return answers


def _broken(name: str, where: str, error: BaseException) -> Misconfigured:
    return Misconfigured(
        f"plugin {name}",
        f"{where} raised {type(error).__name__}: {error}",
        "Constructors and hooks only hand over parts; repair or disable the plugin.",
    )


def _checked(name: str, hook: str, role: Role[Any], answer: Any) -> Any:
    """Return the answer in the house's own form, every part checked against its port."""
    if hook in _SINGLE:
        _check(name, hook, role, answer)
        return answer
    if hook == "upstreams":
        for part in _listed(name, hook, answer, Mapping).values():
            _check(name, hook, role, part)
        return dict(answer)
    parts = tuple(_listed(name, hook, answer, Iterable))
    for part in parts:
        _check(name, hook, role, part)
    return parts


def _listed(name: str, hook: str, answer: Any, form: type[Any]) -> Any:
    if not isinstance(answer, form):
        raise _no_part(name, hook, f"gave a {type(answer).__name__} instead of a {form.__name__}")
    return answer


def _check(name: str, hook: str, role: Role[Any], part: Any) -> None:
    """Refuse a part that cannot do its port's verbs."""
    what = f"gave a {type(part).__name__}, which is no {role.port.__name__}"
    try:
        is_part = not isinstance(part, type) and isinstance(part, role.port)
    except Exception as error:  # until Python 3.11 every property is asked
        raise _no_part(name, hook, f"{what}: it raised {type(error).__name__}") from error
    if not is_part:
        raise _no_part(name, hook, what)
    for verb, count in role.verbs.items():
        try:
            inspect.signature(getattr(part, verb)).bind(*[None] * count)
        except (TypeError, ValueError):
            raise _no_part(name, hook, f"{what}: {verb} must take {count} arguments") from None


def _no_part(name: str, hook: str, what: str) -> Misconfigured:
    return Misconfigured(
        f"plugin {name}", f"its hook {hook} {what}", "See caracal_core.ports for what a part is."
    )
