"""One tree of raw values from all sources, the strongest winning, each with its origin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from caracal_core.config.document import Document
from caracal_core.config.keys import Key
from caracal_core.config.paths import Path, dotted
from caracal_core.config.sources import Snapshot
from caracal_core.config.words import words

DEFAULT = "default"


class Merged(Struct, frozen=True):
    """What the sources say together.

    Attributes:
        tree: raw values, not validated.
        origins: where each came from.
        given: the ConfigMap names of all keys that have a value from whatever source.
    """

    tree: Mapping[str, object]
    origins: Mapping[Path, str]
    given: frozenset[str]

    def __repr__(self) -> str:
        return f"Merged({len(self.origins)} values)"

    def origin(self, path: Path) -> str:
        """Return where an effective value came from.

        A value that a model made of a shorter form has the origin of that form.
        """
        if path in self.origins:
            return self.origins[path]
        for end in range(len(path) - 1, 0, -1):
            if path[:end] in self.origins:
                whole = isinstance(find(self.tree, path[:end]), dict | list)
                return DEFAULT if whole else self.origins[path[:end]]
        return DEFAULT


def merge(snapshot: Snapshot, document: Document, keys: Iterable[Key]) -> Merged:
    """Merge the sources: command line over environment over settings directory over YAML.

    Args:
        snapshot: what the sources said.
        document: what the snapshot's YAML says.
        keys: every key that may have a value from another source than YAML.
    """
    keys = tuple(keys)
    tree = _copy(document.tree)
    origins = {path: f"{snapshot.document_name} line {at}" for path, at in document.lines.items()}
    for key in keys:
        if find(tree, key.path) is None:
            _remove(tree, key.path)
    for layer in _layers(snapshot):
        for key in keys:
            for name in _names(layer, key):
                if _says(value := layer.values.get(name)):
                    shaped = words(value) if key.listed else _copy(value)
                    if _put(tree, key.path, shaped):
                        label = layer.label + name
                        origins |= {(*key.path, *inner): label for inner in _paths(shaped)}
    given = (name for key in keys if _says(find(tree, key.path)) for name in key.names)
    return Merged(tree, origins, frozenset(given))


def find(tree: object, path: Path) -> object:
    """Return the value at a path, or None where there is none."""
    for step in path:
        if isinstance(tree, dict):
            tree = tree.get(step)
        elif isinstance(tree, list) and isinstance(step, int) and step < len(tree):
            tree = tree[step]
        else:
            return None
    return tree


class _Layer(Struct, frozen=True):
    """One source above YAML, and how the origin of its values begins."""

    values: Mapping[str, object]
    label: str
    has_paths: bool = False


def _layers(snapshot: Snapshot) -> tuple[_Layer, ...]:
    """Return the sources above YAML, the weakest first."""
    return (
        _Layer(snapshot.settings, f"{snapshot.settings_directory}/"),
        _Layer(snapshot.environment, "environment "),
        _Layer(snapshot.overrides, "command line ", has_paths=True),
    )


def _names(layer: _Layer, key: Key) -> tuple[str, ...]:
    """Return the names under which a source may hold a key, the weakest first."""
    names = tuple(reversed(key.names))
    return (*names, dotted(key.path)) if layer.has_paths else names


def _says(value: object) -> bool:
    """Return whether a value is more than none and more than blanks."""
    return bool(value.strip()) if isinstance(value, str) else value is not None


def _put(tree: dict[str, Any], path: Path, value: object) -> bool:
    """Set a value; False where YAML has something else than a mapping on the way."""
    *above, last = path
    for step in above:
        inner = tree.setdefault(str(step), {})
        if not isinstance(inner, dict):
            return False
        tree = inner
    tree[str(last)] = value
    return True


def _remove(tree: dict[str, Any], path: Path) -> None:
    """Remove a key that says nothing: an empty value is the same as an absent key."""
    parent = find(tree, path[:-1])
    if isinstance(parent, dict):
        parent.pop(path[-1], None)


def _paths(value: object) -> Iterator[Path]:
    """Yield the paths of a value and of all that is in it."""
    yield ()
    inner: Iterable[tuple[str | int, object]] = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    for step, each in inner:
        yield from ((step, *path) for path in _paths(each))


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copy(each) for key, each in value.items()}
    return [_copy(each) for each in value] if isinstance(value, list) else value
