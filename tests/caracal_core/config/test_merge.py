"""The strongest source wins, every value knows its origin, and an empty one says nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_core.config.document import Document, parse_document
from caracal_core.config.keys import Key
from caracal_core.config.merge import DEFAULT, find, merge

HOST = Key(("database", "host"), ("DB_HOST", "OLD_HOST"), listed=False)
MODES = Key(("auth_mode",), ("AUTH_MODE",), listed=True)
WHOLE = Key(("database",), (), listed=False)
KEYS = (WHOLE, HOST, MODES)


@pytest.fixture
def merged(say):
    def merged(yaml="", **sources):
        return merge(say(yaml, **sources), parse_document(yaml.encode(), "caracal.yaml"), KEYS)

    return merged


ORIGINS = {
    "yaml": "caracal.yaml line 1",
    "settings OLD_HOST": "/settings/OLD_HOST",
    "settings DB_HOST": "/settings/DB_HOST",
    "environment OLD_HOST": "environment OLD_HOST",
    "environment DB_HOST": "environment DB_HOST",
    "overrides OLD_HOST": "command line OLD_HOST",
    "overrides DB_HOST": "command line DB_HOST",
    "overrides database.host": "command line database.host",
}
"""Every place that may hold the key, the weakest first."""


@given(st.dictionaries(st.sampled_from(sorted(ORIGINS)), st.sampled_from(["", " ", "x", "y"])))
def test_the_strongest_that_says_something_wins(say, given_values):
    """Whatever subset of the places speaks, the last one in the order above is heard."""
    sources: dict[str, dict[str, str]] = {"settings": {}, "environment": {}, "overrides": {}}
    tree = {}
    for place, value in given_values.items():
        if place == "yaml":
            tree = {"database": {"host": value}}
        else:
            source, name = place.split()
            sources[source][name] = value
    document = Document(tree, {("database",): 1, ("database", "host"): 1} if tree else {})
    found = merge(say(**sources), document, KEYS)
    loud = [p for p in ORIGINS if given_values.get(p, "").strip() or (p == "yaml" and tree)]
    if loud:
        assert find(found.tree, HOST.path) == given_values[loud[-1]]
        assert found.origin(HOST.path) == ORIGINS[loud[-1]]
    else:
        assert find(found.tree, HOST.path) is None
        assert found.origin(HOST.path) == DEFAULT


def test_a_key_that_says_nothing_in_yaml_is_absent(merged):
    assert merged("database:\nauth_mode: ~\n").tree == {}


def test_words_with_commas_become_a_list(merged):
    found = merged(environment={"AUTH_MODE": "mtls, jwt"})
    assert found.tree == {"auth_mode": ["mtls", "jwt"]}
    assert found.origin(("auth_mode", 1)) == "environment AUTH_MODE"


def test_a_whole_tree_may_come_from_the_command_line(merged):
    """It covers what every weaker source says of its inside."""
    found = merged(
        "database: {host: a, port: 1}",
        environment={"DB_HOST": "b"},
        overrides={"database": {"host": "c"}},
    )
    assert found.tree == {"database": {"host": "c"}}
    assert found.origin(("database", "host")) == "command line database"


def test_the_given_values_are_never_changed(merged):
    whole = {"name": "x"}
    found = merged(overrides={"database": whole, "database.host": "c"})
    assert found.tree == {"database": {"name": "x", "host": "c"}}
    assert whole == {"name": "x"}


def test_a_path_is_a_name_on_the_command_line_alone(merged):
    assert merged(environment={"database.host": "x"}, settings={"auth_mode": "x"}).tree == {}


def test_yaml_that_is_no_mapping_stays_to_be_refused(merged):
    assert merged("database: 3", environment={"DB_HOST": "x"}).tree == {"database": 3}


def test_the_names_of_all_keys_with_a_value_are_given(merged):
    assert merged("database: {host: x}").given == {"DB_HOST", "OLD_HOST"}
    assert merged("database: {host: ''}").given == set()
    assert merged(settings={"AUTH_MODE": "jwt"}).given == {"AUTH_MODE"}


def test_what_a_model_makes_of_a_short_form_has_the_short_forms_origin(merged):
    found = merged("routes: [a]\nother: {a: 1}\n")
    assert found.origin(("routes", 0, "id")) == "caracal.yaml line 1"
    assert found.origin(("other", "b")) == DEFAULT


def test_no_value_is_in_the_repr(merged):
    assert "hunter2" not in repr(merged("database: {host: hunter2}"))
