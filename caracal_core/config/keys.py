"""The keys of a configuration model, read off it: paths, ConfigMap names, and what is secret."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Annotated, Any, Union, get_args, get_origin

from msgspec import Struct
from pydantic import BaseModel, Secret, SecretBytes, SecretStr
from pydantic.fields import FieldInfo

from caracal_core.config.paths import Path

SECRETS = (Secret, SecretStr, SecretBytes)
"""The types whose values are never shown."""

_LISTS = frozenset({list, tuple, set, frozenset, Sequence, AbstractSet})
_MAPPINGS = frozenset({dict, Mapping})
_SECRET_NAMES = re.compile(
    r"(proxy-)?authorization|cookie|x-api-key|api[-_]?key|password|secret|token", re.IGNORECASE
)
"""Keys whose values are masked whatever their type says, such as a header's in plain text."""


class Key(Struct, frozen=True):
    """One key that a configuration may have.

    Attributes:
        path: where it stands.
        names: its ConfigMap names, the strongest first.
        listed: whether it takes a list, written in text as words with commas between them.
    """

    path: Path
    names: tuple[str, ...]
    listed: bool


class Spot(Struct, frozen=True):
    """What a model says of a path.

    Attributes:
        field: the declaration of the nearest key, if any.
        types: what may stand there.
    """

    field: FieldInfo | None
    types: tuple[Any, ...]

    @property
    def children(self) -> tuple[str, ...]:
        """The keys that the models among the types have."""
        return tuple(key for each in self.types if _is_model(each) for key in fields_of(each))


def fields_of(model: type[BaseModel]) -> Mapping[str, FieldInfo]:
    """Return a model's fields by the keys that the configuration uses."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def keys_of(model: type[BaseModel], prefix: Path = ()) -> Iterator[Key]:
    """Return every key of a model and of the models within it, but not of those in lists."""
    return _keys(model, prefix, (model,))


def _keys(model: type[BaseModel], prefix: Path, above: tuple[Any, ...]) -> Iterator[Key]:
    for key, field in fields_of(model).items():
        path, kinds = (*prefix, key), tuple(_branches(field.annotation))
        extra = field.json_schema_extra
        names = extra.get("env", ()) if isinstance(extra, dict) else ()
        yield Key(path, tuple(map(str, names)), any(map(_is_list, kinds)))  # type: ignore[arg-type]  # a list, by `setting`
        for kind in kinds:
            if _is_model(kind) and kind not in above:
                yield from _keys(kind, path, (*above, kind))


def spot(model: type[BaseModel], path: Path) -> Spot:
    """Return what a model says of a path; nothing where the path leads out of it."""
    field: FieldInfo | None = None
    kinds: tuple[Any, ...] = (model,)
    for step in path:
        nearest = [fields_of(kind).get(str(step)) for kind in kinds if _is_model(kind)]
        field = next((each for each in nearest if each is not None), field)
        kinds = tuple(inner for kind in kinds for inner in _within(kind, step))
    return Spot(field, kinds)


def is_secret(model: type[BaseModel], path: Path) -> bool:
    """Return whether the value at a path, or what stands in its place, must not be shown."""
    named = any(_SECRET_NAMES.fullmatch(str(step)) for step in path[-1:])
    return named or any(map(_hides, spot(model, path).types))


def _hides(kind: Any) -> bool:
    """Return whether a type is a secret's, or a list's or mapping's with secrets in it."""
    origin = get_origin(kind) or kind
    secret = isinstance(origin, type) and issubclass(origin, SECRETS)
    return secret or any(_hides(inner) for each in get_args(kind) for inner in _branches(each))


def _within(kind: Any, step: str | int) -> Iterator[Any]:
    """Return the types of what stands one step inside a value of this type."""
    if _is_model(kind):
        field = fields_of(kind).get(str(step))
        if field is not None:
            yield from _branches(field.annotation)
    elif isinstance(step, str) and get_origin(kind) in _MAPPINGS:
        yield from (each for inner in get_args(kind)[1:] for each in _branches(inner))
    elif isinstance(step, int) and _is_list(kind):
        yield from (each for inner in get_args(kind) for each in _branches(inner))


def _branches(annotation: Any) -> Iterator[Any]:
    """Return the alternatives of an annotation, without what wraps them."""
    annotation = getattr(annotation, "__value__", annotation)
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _branches(get_args(annotation)[0])
    elif origin in {Union, types.UnionType}:
        for each in get_args(annotation):
            yield from _branches(each)
    else:
        yield annotation


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _is_list(kind: Any) -> bool:
    return (get_origin(kind) or kind) in _LISTS
