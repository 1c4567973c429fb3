"""What pydantic found wrong, told in the operator's words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from caracal_core.config.keys import is_secret, spot
from caracal_core.config.merge import Merged, find
from caracal_core.config.paths import Path, dotted
from caracal_core.config.problems import unknown
from caracal_core.errors import Misconfigured

_SHOWN_MAX = 60
_CREDENTIALS = re.compile(r"//[^/]*@")
_WORDS = {
    "missing": "is missing",
    "dict_type": "should be a mapping of keys to values",
    "model_type": "should be a mapping of keys to values",
    "string_type": "should be text, in quotes where it looks like something else",
}
_OWN_WORDS = frozenset({"value_error", "assertion_error"})


class _Fault(Struct, frozen=True):
    """One of pydantic's errors, and the path that it is about."""

    path: Path
    kind: str
    message: str
    in_branch: bool


def explain(
    error: ValidationError, model: type[BaseModel], prefix: Path, merged: Merged
) -> list[Misconfigured]:
    """Return one problem for each key at fault.

    Args:
        error: what validation raised.
        model: the model that was validated.
        prefix: where its keys stand in the configuration.
        merged: the raw values and their origins.
    """
    raw = find(merged.tree, prefix)
    faults = [_fault(each, raw) for each in error.errors(include_url=False, include_input=False)]
    grouped: dict[Path, list[_Fault]] = {}
    for fault in _relevant(faults):
        grouped.setdefault(fault.path, []).append(fault)
    return [_problem(group, model, prefix, merged) for group in grouped.values()]


def _fault(error: ErrorDetails, raw: object) -> _Fault:
    """Read one error, leaving out of its place what names a branch of a union."""
    path: Path = ()
    for index, step in enumerate(error["loc"]):
        last = index == len(error["loc"]) - 1
        inner = (*path, step)
        names_a_key = last and error["type"] in {"missing", "extra_forbidden"}
        if names_a_key or find(raw, inner) is not None:
            path = inner
    message = error["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    message = _WORDS.get(error["type"], message.removeprefix("Input "))
    return _Fault(path, error["type"], message.rstrip("."), len(path) < len(error["loc"]))


def _relevant(faults: Sequence[_Fault]) -> Iterator[_Fault]:
    """Leave out the branches of a union that were not meant: another got further inside."""
    for fault in faults:
        size = len(fault.path)
        deeper = any(len(other.path) > size and other.path[:size] == fault.path for other in faults)
        if not (fault.in_branch and deeper):
            yield fault


def _problem(
    group: Sequence[_Fault], model: type[BaseModel], prefix: Path, merged: Merged
) -> Misconfigured:
    path = group[0].path
    field = spot(model, path).field
    if group[0].kind == "extra_forbidden":
        known = spot(model, path[:-1]).children
        return unknown(_where((*prefix, *path), merged), str(path[-1]), known)
    secret = is_secret(model, path)
    if group[0].kind == "missing":
        mend = f"Add it{_meaning(field, secret=True)}."
        return Misconfigured(_where((*prefix, *path), merged), "is missing", mend)
    what = " or ".join(_distinct(_message(fault, secret) for fault in group))
    shown = "" if secret else _shown(find(merged.tree, (*prefix, *path)))
    if shown:
        what = f"{shown} {what}" if what.startswith("should") else f"{shown}: {what}"
    mend = f"Correct it{_meaning(field, secret)}."
    return Misconfigured(_where((*prefix, *path), merged), what, mend)


def _where(path: Path, merged: Merged) -> str:
    """Name a key and where it, or the nearest thing around it, was written."""
    for end in range(len(path), 0, -1):
        if path[:end] in merged.origins:
            return f"{dotted(path)} ({merged.origins[path[:end]]})"
    return dotted(path) or "configuration"


def _message(fault: _Fault, secret: bool) -> str:
    """Return what is wrong; an author's own words may repeat a secret, so they are not used."""
    return "is not acceptable" if secret and fault.kind in _OWN_WORDS else fault.message


def _shown(value: object) -> str:
    """Return a short plain value; nothing for all others, and for a URL with a password in it."""
    if not isinstance(value, str | int | float) or _CREDENTIALS.search(str(value)):
        return ""
    text = repr(value)
    return text if len(text) <= _SHOWN_MAX else ""


def _meaning(field: FieldInfo | None, secret: bool) -> str:
    """Return what a key means and what it is by default, to be put behind a request."""
    if field is None or not field.description:
        return ""
    default = field.default
    plain = isinstance(default, str | int | float) and default != "" and not secret
    tail = f" (default {default})" if plain else ""
    return f": {field.description.rstrip('.')}{tail}"


def _distinct(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))
