"""The whole configuration, read, merged and validated."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from pydantic import BaseModel

from caracal_core.config.core import CoreConfig
from caracal_core.config.enabled import Enabled


class Loaded(Struct, frozen=True):
    """A configuration that holds.

    Attributes:
        core: core's own keys.
        enabled: the plugins, strangers in the operator's order, then the built-ins.
        sections: each enabled plugin's configuration, by its name; built-ins included.
        origins: where each value that is not a default came from, by dotted key.
        notes: what was given and is used by nothing, one sentence each.
        digest: SHA-256 of the effective configuration; equal on replicas that run the same.
    """

    core: CoreConfig
    enabled: tuple[Enabled, ...]
    sections: Mapping[str, BaseModel]
    origins: Mapping[str, str]
    notes: tuple[str, ...]
    digest: str
