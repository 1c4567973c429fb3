"""One schema over core, built-ins and plugins; no two of them own the same key."""

from __future__ import annotations

import json

import pytest

from caracal_core.builtin import BUILTINS
from caracal_core.config.core import CoreConfig
from caracal_core.config.enabled import Enabled
from caracal_core.config.keys import fields_of
from caracal_core.config.schema import json_schema, schema_of
from caracal_core.errors import Misconfigured
from caracal_core.plugin import Config, Plugin, setting


class AcmeConfig(Config):
    depth: int = setting(env="ACME_DEPTH", description="How deep.", ge=1)


class Acme(Plugin[AcmeConfig]):
    """Digs.

    More about digging.
    """

    Config = AcmeConfig


class RootConfig(Config):
    spades: list[str] = setting([], description="What to dig with.")


class Root(Plugin[RootConfig]):
    Config = RootConfig
    at_root = True
    name = "root"


class Greedy(Plugin[RootConfig]):
    Config = RootConfig
    at_root = True
    name = "greedy"


def enabled(**plugins):
    return [Enabled(name, each, "made-up", "1") for name, each in plugins.items()]


def test_keys_are_cores_the_built_ins_at_the_root_and_sections():
    schema = schema_of(enabled(acme=Acme, root=Root))
    assert set(schema.roots) == {*fields_of(CoreConfig), "acme", "spades"}
    names = {key.path: key.names for key in schema.keys}
    assert names["acme", "depth"] == ("ACME_DEPTH",)
    assert names["acme",] == ()


@pytest.mark.parametrize(
    ("plugins", "what"),
    [
        ({"root": Root, "greedy": Greedy}, "plugin greedy: the root key spades already belongs"),
        ({"root": Root, "spades": Acme}, "plugin spades: the root key spades already belongs"),
        ({"database": Acme}, "plugin database: the root key database already belongs to core"),
    ],
)
def test_two_owners_of_one_key_are_refused(plugins, what):
    with pytest.raises(Misconfigured, match=what):
        schema_of(enabled(**plugins))


def test_a_stranger_may_not_have_a_built_ins_name():
    with pytest.raises(Misconfigured, match="plugin root: the name already belongs to root"):
        schema_of([*enabled(root=Acme), *enabled(root=Root)])


def test_a_part_takes_its_own_raw_values():
    _, acme, root = schema_of(enabled(acme=Acme, root=Root)).parts
    tree = {"acme": {"depth": 3}, "spades": ["a"], "other": 1}
    assert acme.take(tree) == {"depth": 3}
    assert root.take(tree) == {"spades": ["a"]}
    assert acme.take({}) == {}


def test_the_json_schema_has_every_key_with_its_names():
    schema = json_schema(schema_of(enabled(acme=Acme, root=Root)))
    assert schema["properties"]["auth_mode"]["env"] == ["AUTH_MODE"]
    assert schema["properties"]["listen"]["default"] == "0.0.0.0:8443"
    assert schema["properties"]["spades"]["description"] == "What to dig with."
    assert schema["properties"]["acme"]["description"] == "Digs."
    assert schema["$defs"]["AcmeConfig"]["properties"]["depth"]["env"] == ["ACME_DEPTH"]
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["acme"]


def test_the_whole_houses_schema_is_json():
    """No default and no type of core's own is one that JSON Schema cannot hold."""
    plugins = [Enabled(each.name, each, "caracal-core", "1") for each in BUILTINS]
    schema = json_schema(schema_of(plugins))
    assert json.loads(json.dumps(schema)) == schema
    roots = {root for part in schema_of(plugins).parts for root in part.roots}
    assert set(schema["properties"]) == roots
