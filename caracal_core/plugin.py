"""What a plugin author needs: a base class, its services, and the two markers."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import pluggy
from msgspec import Struct
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from caracal_core.hooks import Hooks
from caracal_core.ports import Clock, Database, HashKeys, Http, Metrics, Secrets, SigningKeys

hookimpl = pluggy.HookimplMarker("caracal")
"""Marks a method of a plugin as the implementation of the hook of the same name."""


class Config(BaseModel):
    """Base of a plugin's configuration: unknown keys are errors, values never change."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False
    )


C = TypeVar("C", bound=BaseModel)
T = TypeVar("T")

Authorities = Callable[[], tuple[bytes, ...]]
"""Gives those (DER) whose client certificates the agents' port believes from now on; another
tuple after a rotation, an empty one where no client is asked for a certificate."""


def setting(
    default: Any = ..., *, env: str | tuple[str, ...] = (), description: str, **limits: Any
) -> Any:
    """Declare one key of a configuration.

    Args:
        default: the value where no source names one; ``...`` makes the key required.
        env: the ConfigMap's key for it, if it has one, or several, the strongest first. It is
            read from the environment and from the settings directory, both of which win over
            the YAML file.
        description: one sentence; it is the key's documentation.
        limits: pydantic's own constraints, such as ``ge=1``.
    """
    extra: JsonDict | None = {"env": [env] if isinstance(env, str) else list(env)} if env else None
    return Field(default, description=description, json_schema_extra=extra, **limits)


class Services(Struct, frozen=True):
    """What the house lends a plugin, labelled with the plugin's name already.

    Attributes:
        clock: tells the time.
        database: the store, opened before any lifespan begins.
        http: fetches documents that the operator named.
        metrics: makes metrics.
        secrets: reads secrets.
        hash_keys: reads the deployment's own keys (CARACAL_HASH_KEY_FILE).
        signing_keys: reads the deployment's signing key (CARACAL_SIGNING_KEY_FILE).
        log: a logger; records become one JSON line each.
        authorities: gives those whose client certificates the agents' port believes.
    """

    clock: Clock
    database: Database
    http: Http
    metrics: Metrics
    secrets: Secrets
    hash_keys: HashKeys
    signing_keys: SigningKeys
    log: logging.Logger
    authorities: Authorities


class CommandLine(Protocol):
    """What ``ctx.obj`` is in a plugin's commands: the way to the store, and to the terminal.

    The house words what a command raises, in one paragraph on standard error: `Misconfigured`
    ends it with 2, any other `CaracalError` with 1.
    """

    def run(self, plugin: str, work: Callable[[Services], Awaitable[T]]) -> T:
        """Do work with the gateway's own settings, and the store open for it.

        Args:
            plugin: name of the plugin, which labels its services.
            work: what to do; what it returns is returned.

        Raises:
            Misconfigured: the configuration does not hold, or the store is not as it says.
            Failure: the store cannot be reached.
        """

    def show(
        self,
        rows: Sequence[Mapping[str, object]],
        columns: Sequence[str],
        *,
        as_json: bool,
        empty: str,
    ) -> None:
        """Print a listing on standard output: a table for people, or JSON for programs.

        Args:
            rows: one mapping a line; a value that a row lacks is None.
            columns: which values the table shows, in order; JSON has all that a row holds.
            as_json: print a JSON array instead of a table.
            empty: the sentence for people where there are no rows.
        """


class Plugin(Hooks, Generic[C]):
    """Base of every plugin: it declares its configuration and implements some hooks.

    The constructor must have no effect outside the object. What has to be opened is opened in
    `lifespan`.

    Attributes:
        Config: the pydantic model of the plugin's section in ``caracal.yaml``.
        at_root: whether the configuration's keys stand at the root of the file; for built-ins.
        keeps_state: whether the plugin's memory must survive a live reload. Its changed
            configuration then takes effect at the next start.
        name: name of the entry point, which is also the section's; set by the house.
    """

    Config: ClassVar[type[BaseModel]] = Config
    at_root: ClassVar[bool] = False
    keeps_state: ClassVar[bool] = False
    name: str = ""

    def __init__(self, config: C) -> None:
        self.config = config
