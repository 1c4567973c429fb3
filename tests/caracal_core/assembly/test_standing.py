"""What is in effect and what waits are told apart, through any row of reloads."""

from types import SimpleNamespace

import pytest

from caracal_core.assembly.standing import AT_START, Standing
from caracal_core.builtin.replay.config import ReplayConfig
from caracal_core.config.core import CoreConfig
from caracal_core.config.effective import leaves_of, settings_of
from caracal_core.config.load import Loaded
from caracal_core.plugin import Config, setting


class Section(Config):
    key: str = setting("first", description="A key.")


def loaded(origin="default", replay=None, section=None, **core):
    """Return a configuration, all of whose values have one origin."""
    core = CoreConfig.model_validate(core)
    sections = {
        "replay": ReplayConfig.model_validate({"replay": replay or {}}),
        "acme": Section.model_validate(section or {}),
    }
    merged = SimpleNamespace(origin=lambda _: origin)
    leaves = [
        *leaves_of(core, ()),
        *leaves_of(sections["replay"], ()),
        *leaves_of(sections["acme"], ("acme",)),
    ]
    return Loaded(core, (), sections, settings_of(leaves, merged), (), "d")


def carried(start):
    """Return the plugins as the house made them at the start, both keeping state."""
    return [
        SimpleNamespace(name="replay", config=start.sections["replay"], builtin=True),
        SimpleNamespace(name="acme", config=start.sections["acme"], builtin=False),
    ]


@pytest.fixture
def start():
    return loaded()


@pytest.fixture
def standing(start):
    return Standing(start)


def shown(standing):
    return {each["key"]: each for each in standing.settings()}


def test_at_the_start_all_is_in_effect(standing, start):
    assert standing.waiting == ()
    assert [each["key"] for each in standing.settings()] == [s.key for s in start.settings]
    assert not [each for each in standing.settings() if "waiting" in each]


@pytest.mark.parametrize(
    ("change", "key", "now", "then"),
    [
        ({"grace_timeout": 7}, "grace_timeout", 30.0, 7.0),
        ({"tls": {"mode": "off"}}, "tls.mode", "on", "off"),
        ({"replay": {"nonce_cache_size": 77}}, "replay.nonce_cache_size", None, 77),
        ({"section": {"key": "second"}}, "acme.key", "first", "second"),
    ],
)
def test_what_waits_is_shown_beside_what_is_in_effect(standing, start, change, key, now, then):
    newest = loaded("caracal.yaml line 3", part_timeout=4, **change)
    standing.take(newest, carried(start))
    found = shown(standing)
    assert found[key]["origin"] == "default"
    assert now is None or found[key]["value"] == now
    assert found[key]["waiting"] == {"value": then, "origin": "caracal.yaml line 3"}
    assert found["part_timeout"] == {
        "key": "part_timeout",
        "value": 4.0,
        "origin": "caracal.yaml line 3",
    }
    assert [each["key"] for each in standing.settings() if "waiting" in each] == [key]
    standing.take(start, carried(start))
    assert standing.waiting == ()
    assert [each["key"] for each in standing.settings() if "waiting" in each] == []


def test_a_second_change_is_compared_with_what_is_in_effect_not_with_the_first(standing, start):
    for seconds in (7, 8):
        standing.take(loaded(grace_timeout=seconds), carried(start))
    found = shown(standing)["grace_timeout"]
    assert (found["value"], found["waiting"]["value"]) == (30.0, 8.0)


def test_a_secret_that_waits_is_seen_to_and_not_shown():
    start = loaded(database={"password": "hunter2"})
    standing = Standing(start)
    standing.take(loaded(database={"password": "hunter3"}), carried(start))
    found = shown(standing)["database.password"]
    assert (found["value"], found["waiting"]["value"]) == ("********", "********")
    assert standing.waiting == ("database",)
    assert "hunter" not in str(standing.settings())


def test_every_key_that_is_read_at_the_start_is_one_of_cores():
    assert set(AT_START) <= set(CoreConfig.model_fields)
