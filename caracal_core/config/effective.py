"""Every effective value with its origin; secrets are counted in the digest and never shown."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

from msgspec import Struct
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from caracal_core.config.keys import SECRETS, is_secret
from caracal_core.config.merge import Merged
from caracal_core.config.paths import Path, dotted

MASK = "********"

_SCRYPT_COST = 1 << 14


class Setting(Struct, frozen=True):
    """One effective value.

    Attributes:
        key: where it stands, such as ``routes[0].path``.
        value: what it is, in JSON's own types; `MASK` where it is secret and not empty.
        origin: where it came from.
    """

    key: str
    value: object
    origin: str


class Leaf(Struct, frozen=True):
    """One effective value before it is masked."""

    path: Path
    value: object
    secret: bool

    def __repr__(self) -> str:
        return f"Leaf({dotted(self.path)})"


def leaves_of(config: BaseModel, prefix: Path) -> tuple[Leaf, ...]:
    """Return the values of a validated configuration, one for each key and list of words."""
    tree = config.model_dump(mode="python", by_alias=True, warnings=False)
    return tuple(
        Leaf(
            (*prefix, *path),
            _plain(value),
            is_secret(type(config), path) or isinstance(value, SECRETS),
        )
        for path, value in _flat(tree, ())
        if (*prefix, *path)
    )


def differing(before: BaseModel, after: BaseModel, prefix: Path) -> frozenset[Path]:
    """Return where two configurations of one owner differ, secrets compared as they are."""
    old, new = ({leaf.path: leaf for leaf in leaves_of(each, prefix)} for each in (before, after))
    return frozenset(path for path in {*old, *new} if old.get(path) != new.get(path))


def settings_of(leaves: Sequence[Leaf], merged: Merged) -> tuple[Setting, ...]:
    """Return what may be shown of the values."""
    return tuple(
        Setting(
            dotted(leaf.path),
            MASK if leaf.secret and leaf.value else leaf.value,
            merged.origin(leaf.path),
        )
        for leaf in leaves
    )


def digest_of(leaves: Sequence[Leaf]) -> str:
    """Return SHA-256 of the values, equal on every replica that runs the same.

    Secrets go in through scrypt, salted with the rest: whoever reads the digest cannot guess
    them at any speed worth having.
    """
    public = _canonical(leaf for leaf in leaves if not leaf.secret)
    secret = _canonical(leaf for leaf in leaves if leaf.secret and leaf.value)
    total = hashlib.sha256(public)
    if secret != _canonical(iter(())):
        total.update(hashlib.scrypt(secret, salt=total.digest(), n=_SCRYPT_COST, r=8, p=1))
    return total.hexdigest()


def _canonical(leaves: Iterator[Leaf]) -> bytes:
    return json.dumps(
        sorted([dotted(leaf.path), json.dumps(leaf.value, sort_keys=True)] for leaf in leaves)
    ).encode()


def _flat(value: object, path: Path) -> Iterator[tuple[Path, object]]:
    """Yield the leaves of a tree; a list of plain words or numbers is one leaf."""
    inner: Sequence[tuple[str | int, object]] = ()
    if isinstance(value, Mapping):
        inner = [(str(key), each) for key, each in value.items()]
    elif isinstance(value, list | tuple) and any(map(_has_parts, value)):
        inner = list(enumerate(value))
    if not inner:
        yield path, value
    for step, each in inner:
        yield from _flat(each, (*path, step))


def _has_parts(value: object) -> bool:
    return isinstance(value, (Mapping, list, tuple, *SECRETS))


def _plain(value: object) -> object:
    """Return a value in JSON's own types; sets are ordered."""
    if isinstance(value, SECRETS):
        value = value.get_secret_value()
    if isinstance(value, AbstractSet):
        return sorted(map(str, value))
    plain: object = to_jsonable_python(value, bytes_mode="hex", fallback=str)
    return plain
