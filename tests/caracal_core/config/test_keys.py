"""A model's keys are read off it: every name, every list, every secret, however it is wrapped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, Secret, SecretStr

from caracal_core.config.address import ListenAddress
from caracal_core.config.core import Names
from caracal_core.config.keys import Key, is_secret, keys_of, spot
from caracal_core.plugin import Config, setting


class Leaf(Config):
    file: str | None = setting(None, description="A file.")
    again: Leaf | None = setting(None, description="Itself.")


class Inner(Config):
    host: str = setting("", env="HOST", description="Where.")
    password: SecretStr = setting(SecretStr(""), env="PASSWORD", description="Whisper it.")


class Model(Config):
    listen: ListenAddress = setting("[::]:1", env=("FIRST", "SECOND"), description="Listen.")
    modes: Names = setting((), env="MODES", description="Modes.")
    numbers: list[int] | None = setting(None, description="Numbers.")
    inner: Inner = setting(Inner(), description="Inside.")
    maybe: Annotated[Leaf | None, Field(strict=False)] = setting(None, description="Perhaps.")
    headers: Mapping[str, SecretStr | Leaf] = setting({}, description="Headers.")
    items: tuple[Inner, ...] = setting((), description="Items.")
    number: Secret[int] | None = setting(None, description="A secret number.")
    renamed: int = Field(1, alias="else")


KEYS = {key.path: key for key in keys_of(Model)}


def test_each_key_says_its_configmap_names():
    assert KEYS["listen",].names == ("FIRST", "SECOND")
    assert KEYS["inner", "host"] == Key(("inner", "host"), ("HOST",), listed=False)
    assert KEYS["maybe", "file"].names == ()


def test_keys_of_models_in_lists_and_mappings_are_not_among_them():
    assert {path for path in KEYS if path[0] in {"headers", "items"}} == {("headers",), ("items",)}


def test_a_model_within_itself_ends():
    assert ("maybe", "again") in KEYS
    assert ("maybe", "again", "file") not in KEYS


def test_lists_are_known_and_an_address_is_none():
    assert {path[0] for path, key in KEYS.items() if key.listed} == {"modes", "numbers", "items"}


def test_an_alias_is_the_key():
    assert ("else",) in KEYS
    assert ("renamed",) not in KEYS


def test_keys_stand_under_their_prefix():
    assert next(keys_of(Inner, ("auth_acme",))).path == ("auth_acme", "host")


def test_secrets_are_known_by_type_wherever_they_stand():
    inside = [("headers", "X-Any"), ("items", 3, "password")]
    assert all(is_secret(Model, path) for path in inside)
    assert {path for path in KEYS if is_secret(Model, path)} == {
        ("inner", "password"),
        ("number",),
        ("headers",),
    }


def test_secrets_are_known_by_their_names_too():
    assert is_secret(Model, ("nowhere", "Authorization"))
    assert is_secret(Model, ("api_key",))
    assert not is_secret(Model, ("token_file",))


def test_a_spot_knows_the_keys_beside_and_the_nearest_declaration():
    assert spot(Model, ("items", 0)).children == ("host", "password")
    assert spot(Model, ("headers", "X", "fil")).field.description == "Headers."
    assert spot(Model, ("no", "where")).types == ()
