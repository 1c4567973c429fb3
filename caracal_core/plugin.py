"""What a plugin author needs: a base class, its services, and the two markers."""

from __future__ import annotations

import logging
from typing import Any, ClassVar, Generic, TypeVar

import pluggy
from msgspec import Struct
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from caracal_core.hooks import Hooks
from caracal_core.ports import Clock, Database, Http, Metrics, Secrets

hookimpl = pluggy.HookimplMarker("caracal")
"""Marks a method of a plugin as the implementation of the hook of the same name."""


class Config(BaseModel):
    """Base of a plugin's configuration: unknown keys are errors, values never change."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False
    )


C = TypeVar("C", bound=BaseModel)


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
        log: a logger; records become one JSON line each.
    """

    clock: Clock
    database: Database
    http: Http
    metrics: Metrics
    secrets: Secrets
    log: logging.Logger


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
