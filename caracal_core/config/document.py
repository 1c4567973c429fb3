"""``caracal.yaml``, read strictly: what it says, and at which line.

Scalars are those of YAML 1.2's core schema, so that ``on``, ``no`` and ``12:30`` are words. A
key given twice, a merge key, a tag and a reference that grows without bounds are refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import yaml
from msgspec import Struct

from caracal_core.config.paths import Path, dotted
from caracal_core.errors import Misconfigured

_DEPTH_MAX = 32
_VALUES_MAX = 100_000
_NUMBER_MAX = 100
"""Characters of a number; Python refuses to write down one of 4,300 digits, however it was read."""
_TAG = "tag:yaml.org,2002:"
_BOOLS = {"true": True, "false": False}
_FORMS: dict[str, re.Pattern[str]] = {}
"""How scalars of each kind are written, be it that a tag says the kind."""


class Document(Struct, frozen=True):
    """A parsed file.

    Attributes:
        tree: what it says.
        lines: at which line each value stands.
    """

    tree: Mapping[str, object]
    lines: Mapping[Path, int]


def parse_document(content: bytes, name: str) -> Document:
    """Parse the content of a file.

    Args:
        content: UTF-8, with or without a byte order mark.
        name: what the file is called in errors.

    Raises:
        Misconfigured: naming the line at fault; the content is not repeated.
    """
    try:
        node = _Loader(content.decode("utf-8-sig")).get_single_node()
    except UnicodeDecodeError as error:
        raise Misconfigured(
            name, f"is not UTF-8 at byte {error.start}", "Save it as UTF-8."
        ) from None
    except yaml.MarkedYAMLError as error:
        where = _place(name, error.problem_mark)
        raise Misconfigured(where, f"is not YAML: {error.problem}", "Correct the line.") from None
    except yaml.YAMLError:
        raise Misconfigured(name, "holds a control character", "Remove it.") from None
    except (ValueError, OverflowError):  # of PyYAML's own, whose line it does not tell
        what = "holds an escape or a directive that stands for nothing"
        raise Misconfigured(name, what, "Remove it.") from None
    except RecursionError:
        raise Misconfigured(name, "is nested too deeply", "Flatten it.") from None
    builder = _Builder(name)
    tree = {} if node is None else builder.build(node, (), 0)
    if tree is None:
        tree = {}
    if not isinstance(tree, dict):
        raise Misconfigured(name, "is not a mapping of keys to values", "Write 'key: value' lines.")
    return Document(tree, builder.lines)


class _Loader(yaml.SafeLoader):
    """Resolves plain scalars by YAML 1.2's core schema; infinities and NaN stay words."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own form


for _kind, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0x[0-9a-fA-F]+|0o[0-7]+", list("-+0123456789")),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
):
    _FORMS[_kind] = re.compile(f"^(?:{_pattern})$", re.ASCII)
    _Loader.add_implicit_resolver(_TAG + _kind, _FORMS[_kind], _first)


class _Builder:
    """Turns nodes into values and remembers their lines."""

    def __init__(self, name: str) -> None:
        self.lines: dict[Path, int] = {}
        self._name = name
        self._values = 0

    def build(self, node: yaml.Node, path: Path, depth: int) -> Any:
        """Return a node's value; references are followed, within the limits."""
        self._values += 1
        if depth > _DEPTH_MAX or self._values > _VALUES_MAX:
            raise self._refused(node, "grows too deep or too large", "Write less, or nest less.")
        self.lines[path] = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode) and node.tag == f"{_TAG}map":
            return self._mapping(node, path, depth)
        if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
            return [
                self.build(item, (*path, index), depth + 1) for index, item in enumerate(node.value)
            ]
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: Path, depth: int) -> dict[str, Any]:
        tree: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node)
            if key in lines:
                what = f"gives the key {key} again, first given at line {lines[key]}"
                raise self._refused(key_node, what, "Remove one of them.")
            lines[key] = key_node.start_mark.line + 1
            tree[key] = self.build(value_node, (*path, key), depth + 1)
            self.lines[(*path, key)] = lines[key]
        return tree

    def _key(self, node: yaml.Node) -> str:
        """Return a key as it is written, whatever it would be as a value."""
        if not isinstance(node, yaml.ScalarNode):
            raise self._refused(node, "has a key that is no word", "Write 'key: value' lines.")
        key: str = node.value
        if key == "<<" and node.style is None:
            raise self._refused(node, "has a merge key (<<)", "Write the keys out.")
        if not _is_text(key):
            raise self._refused(node, "has a key with half a character", "Remove it.")
        return key

    def _scalar(self, node: yaml.Node, path: Path) -> str | int | float | bool | None:
        kind = node.tag.removeprefix(_TAG)
        where = _place(self._name, node.start_mark)
        if path:
            where = f"{dotted(path)} ({where})"
        if kind in {"int", "float"} and len(node.value) > _NUMBER_MAX:
            what = f"has a number of {len(node.value)} characters"
            raise Misconfigured(where, what, f"Write at most {_NUMBER_MAX}.")
        try:
            return _value(node, kind)
        except ValueError:
            pass
        what = f"has a value that is no {kind.lstrip('!')} that can be used"
        raise Misconfigured(where, what, "Write a plain value without a tag, or quote it.")

    def _refused(self, node: yaml.Node, what: str, mend: str) -> Misconfigured:
        return Misconfigured(_place(self._name, node.start_mark), what, mend)


def _value(node: yaml.Node, kind: str) -> str | int | float | bool | None:
    """Return what a scalar of a kind says.

    Raises:
        ValueError: it is no scalar, not written as the kind is, or no such kind is used.
    """
    form = _FORMS.get(kind)
    if not isinstance(node, yaml.ScalarNode) or (form and not form.fullmatch(node.value)):
        raise ValueError(kind)
    if kind == "str" and _is_text(node.value):
        return str(node.value)
    if kind == "null":
        return None
    if kind == "bool":
        return _BOOLS[node.value.lower()]
    if kind == "int":
        return int(node.value, 0 if node.value[:2] in {"0x", "0o"} else 10)
    if kind == "float" and math.isfinite(number := float(node.value)):
        return number
    raise ValueError(kind)


def _is_text(value: str) -> bool:
    """Whether it can be written down: an escape may stand for half a character."""
    return not any("\ud800" <= each <= "\udfff" for each in value)


def _place(name: str, mark: yaml.Mark | None) -> str:
    return f"{name} line {mark.line + 1}" if mark else name
