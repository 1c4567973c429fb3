"""Effective values are shown with their origins, secrets masked; the digest tells them apart."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from caracal_core.config.document import parse_document
from caracal_core.config.effective import (
    MASK,
    Setting,
    differing,
    digest_of,
    leaves_of,
    settings_of,
)
from caracal_core.config.keys import keys_of
from caracal_core.config.merge import merge
from caracal_core.plugin import Config, setting


class Inner(Config):
    id: str = setting(description="Its id.")
    methods: tuple[str, ...] = setting(("GET",), description="How.")


class Model(Config):
    depth: int = setting(3, env="DEPTH", description="How deep.")
    password: SecretStr = setting(SecretStr(""), env="PASSWORD", description="Whisper it.")
    headers: dict[str, str | SecretStr] = setting({}, description="Headers.")
    items: list[Inner] = setting([], description="Items.")
    names: dict[str, str] = setting({}, description="Names.")
    agents: frozenset[str] = setting(frozenset(), description="Who.")
    keys: list[SecretStr] = setting([], description="Keys.")


class Empty(Config):
    """No key at all."""


def leaves(**values):
    return leaves_of(Model(**values), ())


@pytest.fixture
def shown(say):
    def shown(yaml="", **sources):
        found = merge(
            say(yaml, **sources), parse_document(yaml.encode(), "caracal.yaml"), keys_of(Model)
        )
        return {each.key: each for each in settings_of(leaves_of(Model(**found.tree), ()), found)}

    return shown


def test_each_value_has_its_origin(shown):
    settings = shown("items:\n- id: a\n- id: b\n  methods: [PUT]\n", environment={"DEPTH": "7"})
    assert settings["depth"] == Setting("depth", 7, "environment DEPTH")
    assert settings["items[0].id"] == Setting("items[0].id", "a", "caracal.yaml line 2")
    assert settings["items[0].methods"].origin == "default"
    assert settings["items[1].methods"] == Setting(
        "items[1].methods", ["PUT"], "caracal.yaml line 4"
    )
    assert settings["headers"] == Setting("headers", {}, "default")


def test_secrets_are_masked_by_type_and_by_name(shown):
    settings = shown(
        "headers: {Authorization: hunter2, X-A: plain}\nkeys: [hunter2]\n",
        environment={"PASSWORD": "hunter2"},
    )
    assert settings["password"] == Setting("password", MASK, "environment PASSWORD")
    assert settings["headers.Authorization"].value == MASK
    assert settings["keys[0]"].value == MASK
    assert "hunter2" not in repr(settings)


def test_an_empty_secret_is_shown_to_be_empty(shown):
    assert shown()["password"].value == ""


def test_values_stand_under_their_prefix():
    assert leaves_of(Inner(id="a"), ("acme",))[0].path == ("acme", "id")


def test_a_section_without_keys_is_one_value_and_no_keys_at_the_root_are_none():
    assert [leaf.path for leaf in leaves_of(Empty(), ("acme",))] == [("acme",)]
    assert leaves_of(Empty(), ()) == ()


def test_the_digest_is_equal_for_equal_values():
    one = leaves(agents=["b", "a"], headers={"x": "1", "y": "2"})
    two = leaves(agents=["a", "b"], headers={"y": "2", "x": "1"})
    assert digest_of(one) == digest_of(two)
    assert len(digest_of(one)) == 64


def test_a_set_is_ordered_alike_in_every_process():
    names = [f"research-{n}" for n in range(50)]
    (leaf,) = (leaf for leaf in leaves(agents=names) if leaf.path == ("agents",))
    assert leaf.value == sorted(names)


@pytest.mark.parametrize(
    "changed",
    [
        {"depth": 4},
        {"password": "x"},
        {"headers": {"authorization": "x"}},
        {"items": [{"id": "a"}]},
        {"keys": ["x"]},
    ],
)
def test_the_digest_follows_each_value_and_each_secret(changed):
    assert digest_of(leaves(**changed)) != digest_of(leaves())


def test_the_digest_tells_one_secret_from_another():
    assert digest_of(leaves(password="a")) != digest_of(leaves(password="b"))


def test_a_secret_is_not_hashed_fast(monkeypatch):
    """Guessing a secret from the digest costs a slow hash for each guess."""
    calls = []
    slow = hashlib.scrypt
    monkeypatch.setattr(
        hashlib, "scrypt", lambda *given, **kind: calls.append(given) or slow(*given, **kind)
    )
    digest_of(leaves())
    assert not calls
    digest_of(leaves(password="hunter2", keys=["a"]))
    assert len(calls) == 1


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=4))
def test_different_values_never_share_a_digest(names):
    same = json.dumps(names) == '{"x": "1"}'
    assert (digest_of(leaves(names=names)) == digest_of(leaves(names={"x": "1"}))) is same


def test_where_two_configurations_differ_is_told_by_path_secrets_included():
    before = Model(depth=3, password="hunter2", names={"a": "1", "b": "2"})
    after = Model(depth=4, password="hunter3", names={"a": "1", "c": "2"})
    assert differing(before, before, ()) == frozenset()
    assert differing(before, after, ("acme",)) == {
        ("acme", "depth"),
        ("acme", "password"),
        ("acme", "names", "b"),
        ("acme", "names", "c"),
    }
