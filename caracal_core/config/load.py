"""The whole configuration: which plugins first, then everybody's keys, all faults at once."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import cast

from msgspec import Struct
from pydantic import BaseModel

from caracal_core.config.core import CoreConfig, Selection
from caracal_core.config.document import Document, parse_document
from caracal_core.config.effective import Setting, digest_of, leaves_of, settings_of
from caracal_core.config.enabled import Enabled, PluginSource
from caracal_core.config.keys import keys_of
from caracal_core.config.merge import merge
from caracal_core.config.problems import Problems
from caracal_core.config.schema import CORE, Part, schema_of
from caracal_core.config.sources import Snapshot
from caracal_core.config.unread import unknown_keys, unused_keys
from caracal_core.config.validate import validate
from caracal_core.storage.config import CLUSTER_KEY, require_host


class Loaded(Struct, frozen=True):
    """A configuration that holds.

    Attributes:
        core: core's own keys.
        enabled: the plugins, strangers in the operator's order, then the built-ins.
        sections: each enabled plugin's configuration, by its name; built-ins included.
        settings: every effective value and where it came from, secrets masked.
        notes: what was given and is used by nothing, one sentence each.
        digest: SHA-256 of the effective configuration; equal on replicas that run the same.
    """

    core: CoreConfig
    enabled: tuple[Enabled, ...]
    sections: Mapping[str, BaseModel]
    settings: tuple[Setting, ...]
    notes: tuple[str, ...]
    digest: str

    @property
    def origins(self) -> Mapping[str, str]:
        """Where each value came from, by dotted key."""
        return {setting.key: setting.origin for setting in self.settings}


def load(snapshot: Snapshot, plugins: PluginSource) -> Loaded:
    """Understand what the sources said.

    Args:
        snapshot: what they said.
        plugins: where plugins come from.

    Raises:
        Misconfigured: something is wrong; `SeveralMisconfigured` where more than one thing is.
    """
    document = parse_document(snapshot.document or b"", snapshot.document_name)
    enabled = plugins.discover(select(snapshot, document))
    schema = schema_of(enabled)
    merged = merge(snapshot, document, schema.keys)
    problems = Problems(unknown_keys(snapshot, schema, merged, plugins))
    with problems.collected():
        require_host(merged.given | ({CLUSTER_KEY} & set(snapshot.environment)))
    configs: dict[str, BaseModel] = {}
    for part in schema.parts:
        with problems.collected():
            configs[part.owner] = validate(part, merged)
    problems.refuse()
    leaves = [leaf for part in schema.parts for leaf in leaves_of(configs[part.owner], part.prefix)]
    return Loaded(
        cast(CoreConfig, configs.pop(CORE)),
        enabled,
        MappingProxyType(configs),
        settings_of(leaves, merged),
        tuple(unused_keys(snapshot, schema, merged)),
        digest_of(leaves),
    )


def select(snapshot: Snapshot, document: Document) -> Selection:
    """Read which plugins are chosen, before anything else can be judged.

    Raises:
        Misconfigured: the choice itself is malformed.
    """
    merged = merge(snapshot, document, keys_of(Selection))
    return cast(Selection, validate(Part(CORE, (), Selection), merged))
