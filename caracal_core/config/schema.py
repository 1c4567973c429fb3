"""One schema over core, its own plugins and every enabled one."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaWarningKind, models_json_schema

from caracal_core.config.core import CoreConfig
from caracal_core.config.enabled import Enabled
from caracal_core.config.keys import Key, fields_of, keys_of
from caracal_core.config.paths import Path
from caracal_core.errors import Misconfigured

CORE = ""
"""The owner of core's own keys; no plugin is named so."""


class Part(Struct, frozen=True):
    """One owner's part of the configuration.

    Attributes:
        owner: name of the plugin, or `CORE`.
        prefix: where its keys stand: at the root, or in the section of its name.
        model: what they may be.
    """

    owner: str
    prefix: Path
    model: type[BaseModel]

    @property
    def roots(self) -> tuple[str, ...]:
        """The root keys that belong to it."""
        return (str(self.prefix[0]),) if self.prefix else tuple(fields_of(self.model))

    def take(self, tree: Mapping[str, object]) -> object:
        """Return the raw values of this part."""
        if self.prefix:
            return tree.get(str(self.prefix[0]), {})
        return {key: tree[key] for key in self.roots if key in tree}


class Schema(Struct, frozen=True):
    """What a configuration may hold.

    Attributes:
        parts: core's, then each plugin's in the enabled order.
        summaries: one sentence on each section, by its key.
    """

    parts: tuple[Part, ...]
    summaries: Mapping[str, str]

    @property
    def keys(self) -> tuple[Key, ...]:
        """Every key that another source than YAML may set."""
        sections = (Key(part.prefix, (), listed=False) for part in self.parts if part.prefix)
        inner = (key for part in self.parts for key in keys_of(part.model, part.prefix))
        return (*sections, *inner)

    @property
    def roots(self) -> tuple[str, ...]:
        """Every key at the root."""
        return tuple(root for part in self.parts for root in part.roots)


def schema_of(enabled: Sequence[Enabled]) -> Schema:
    """Compose the schema of core and the enabled plugins.

    Raises:
        Misconfigured: two owners claim the same key at the root.
    """
    parts = [Part(CORE, (), CoreConfig)]
    for plugin in enabled:
        at_root = plugin.plugin_class.at_root
        part = Part(plugin.name, () if at_root else (plugin.name,), plugin.plugin_class.Config)
        for earlier in parts:
            _check_apart(part, earlier)
        parts.append(part)
    sections = (plugin for plugin in enabled if not plugin.plugin_class.at_root)
    return Schema(tuple(parts), {each.name: _summary(each) for each in sections})


def _check_apart(part: Part, earlier: Part) -> None:
    """Refuse two owners of one name or of one key."""
    keys = sorted(set(part.roots) & set(earlier.roots))
    if part.owner == earlier.owner or keys:
        what = f"the root key {keys[0]} already belongs" if keys else "the name already belongs"
        raise Misconfigured(
            f"plugin {part.owner}",
            f"{what} to {earlier.owner or 'core'}",
            "Disable the plugin; its author renames the entry point.",
        )


def json_schema(schema: Schema) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of ``caracal.yaml``.

    A key's ConfigMap names stand beside its description as ``env``.
    """
    models = [(part.model, "validation") for part in schema.parts]
    refs, top = models_json_schema(
        list(dict.fromkeys(models)),  # type: ignore[arg-type]  # a literal, inferred as str
        schema_generator=_Generator,
    )
    definitions = top.get("$defs", {})
    properties: dict[str, Any] = {}
    required: list[str] = []
    for part in schema.parts:
        ref = refs[part.model, "validation"]
        if part.prefix:
            properties[part.owner] = {**ref, "description": schema.summaries[part.owner]}
            required += [part.owner] if _has_required(part.model) else []
        else:
            whole = definitions[ref["$ref"].rpartition("/")[2]]
            properties |= whole.get("properties", {})
            required += whole.get("required", [])
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "title": "caracal.yaml",
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
        "$defs": definitions,
    }


class _Generator(GenerateJsonSchema):
    """Leaves out the defaults that JSON cannot hold instead of warning of them."""

    ignored_warning_kinds: set[JsonSchemaWarningKind] = {  # noqa: RUF012 - pydantic's own form
        "skipped-choice",
        "non-serializable-default",
    }


def _has_required(model: type[BaseModel]) -> bool:
    return any(field.is_required() for field in model.model_fields.values())


def _summary(plugin: Enabled) -> str:
    """Return the first line of the plugin's docstring."""
    text = inspect.getdoc(plugin.plugin_class) or ""
    return text.partition("\n")[0] or f"Section of the plugin {plugin.name}."
