"""What the sources give and nobody reads: an error where it may be a typing mistake."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from caracal_core.config.deployment import DEPLOYMENT_KEYS
from caracal_core.config.enabled import PluginSource
from caracal_core.config.merge import Merged
from caracal_core.config.paths import dotted
from caracal_core.config.problems import unknown
from caracal_core.config.schema import Schema
from caracal_core.config.sources import FILE_KEY, SETTINGS_KEY, Snapshot
from caracal_core.errors import Misconfigured

_DOCUMENTS = (".yaml", ".yml")
"""A ConfigMap may hold the structured file beside the keys."""

_LIKENESS = 0.8
"""How like a key, with the same first word, an environment variable is that may be meant for it."""


def unknown_keys(
    snapshot: Snapshot, schema: Schema, merged: Merged, plugins: PluginSource
) -> Iterator[Misconfigured]:
    """Yield a problem for each key that does not exist, with the nearest that does."""
    names = _names(schema)
    for name in snapshot.settings:
        if name not in names | DEPLOYMENT_KEYS and not name.endswith(_DOCUMENTS):
            place = f"{snapshot.settings_directory}/{name}"
            yield unknown(place, name, names | DEPLOYMENT_KEYS)
    paths = {dotted(key.path) for key in schema.keys}
    for name in snapshot.overrides:
        if name not in names | paths:
            yield unknown(f"command line {name}", name, names | paths)
    for root in merged.tree:
        if root not in schema.roots and root not in plugins.installed():
            yield _unknown_root(root, schema, merged, plugins)


def unused_keys(snapshot: Snapshot, schema: Schema, merged: Merged) -> Iterator[str]:
    """Yield a sentence for each key that is known and has no effect with these plugins."""
    unused = DEPLOYMENT_KEYS - _names(schema)
    for name in sorted(unused & set(snapshot.settings)):
        yield f"{snapshot.settings_directory}/{name} has no effect: no enabled plugin reads it."
    for name in sorted(unused & {name for name, value in snapshot.environment.items() if value}):
        yield f"environment {name} has no effect: no enabled plugin reads it."
    yield from _misspelt(snapshot, _names(schema))
    for root in merged.tree:
        if root not in schema.roots:
            yield f"{root} ({merged.origins[root,]}) has no effect: the plugin is not enabled."


def _misspelt(snapshot: Snapshot, names: frozenset[str]) -> Iterator[str]:
    """Yield a sentence for each environment variable that is nearly a key.

    It is no error, for the environment is not ours alone: Kubernetes adds to it.
    """
    known = names | DEPLOYMENT_KEYS | {FILE_KEY, SETTINGS_KEY}
    for name, value in sorted(snapshot.environment.items()):
        word, parted, _ = name.partition("_")
        if not (parted and value) or name in known:
            continue
        alike = sorted(each for each in known if each.startswith(word + parted))
        for near in get_close_matches(name, alike, 1, _LIKENESS):
            yield f"environment {name} is no key of the configuration. Did you mean {near}?"


def _names(schema: Schema) -> frozenset[str]:
    return frozenset(name for key in schema.keys for name in key.names)


def _unknown_root(
    root: str, schema: Schema, merged: Merged, plugins: PluginSource
) -> Misconfigured:
    place = f"{root} ({merged.origins[root,]})"
    install = plugins.how_to_install(root)
    if install is not None:
        return Misconfigured(place, "the plugin is not installed", f"{install}, or remove the key.")
    return unknown(place, root, {*schema.roots, *plugins.installed()})
