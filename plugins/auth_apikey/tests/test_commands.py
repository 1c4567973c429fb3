"""`caracal keys`: what it prints, what it refuses, and that no key is shown but a new one."""

import json
import re

import pytest
from click.testing import CliRunner

from caracal_core.cli.main import cli

KEY = re.compile(r"ck_([a-z2-7]{16})_[a-z2-7]{60}")


@pytest.fixture
def caracal(environment):
    """Run the program on the store, with the mode enabled."""

    def run(*words):
        env = {"AUTH_MODE": "api_key", "CARACAL_CONFIG": "", **environment}
        return CliRunner(env=env).invoke(cli, words, prog_name="caracal", catch_exceptions=False)

    assert run("agents", "register", "research-1").exit_code == 0
    return run


@pytest.fixture
def issued(caracal):
    """Issue a key; return its id and the key."""

    def issue(*words):
        told = caracal("keys", "issue", "research-1", *words)
        assert told.exit_code == 0, told.stderr
        (key,) = told.stdout.split()
        return KEY.fullmatch(key)[1], key

    return issue


@pytest.fixture
def listed(caracal):
    """Return the listing as values."""

    def values(*words):
        return json.loads(caracal("keys", "list", "--json", *words).stdout)

    return values


def test_a_key_stands_alone_on_standard_output(caracal):
    told = caracal("keys", "issue", "research-1")
    key = KEY.fullmatch(told.stdout.strip())
    assert f"Its id is {key[1]}." in told.stderr
    assert key[0] not in told.stderr


def test_programs_get_json(caracal):
    told = json.loads(caracal("keys", "issue", "research-1", "--json").stdout)
    assert KEY.fullmatch(told["key"])[1] == told["id"]


def test_everything_that_was_given_is_listed(issued, listed):
    name, _ = issued(
        *("--label", "ci", "--expires-in", "90d", "--route", "open*", "--route", "b"),
        *("--method", "POST", "--cidr", "10.0.0.0/8", "--cidr", "192.0.2.7"),
    )
    (row,) = listed()
    terms = (row["id"], row["agent"], row["label"], row["state"])
    assert terms == (name, "research-1", "ci", "active")
    assert (row["routes"], row["methods"]) == (["open*", "b"], ["POST"])
    assert row["cidrs"] == ["10.0.0.0/8", "192.0.2.7/32"]
    assert row["created_at"] < row["expires_at"]
    assert row["last_used_at"] is row["revoked_at"] is row["replaced_by"] is None


def test_people_get_a_table_without_a_secret(caracal, issued):
    name, key = issued("--label", "ci")
    told = caracal("keys", "list").stdout
    head, line = told.splitlines()
    assert head.split() == ["ID", "AGENT", "LABEL", "STATE", "EXPIRES", "AT", "LAST", "USED", "AT"]
    assert line.split() == [name, "research-1", "ci", "active", "-", "-"]
    assert key[20:] not in told


def test_a_listing_says_where_there_is_nothing_or_more(caracal, issued, listed):
    assert "caracal keys issue" in caracal("keys", "list").stdout
    issued(), issued()
    assert "There may be more" in caracal("keys", "list", "--limit", "2").stderr
    assert len(listed("--agent", "research-1")) == 2
    for words in (["list"], ["revoke"]):
        told = caracal("keys", *words, "--agent", "another")
        assert "'another' is not registered; `caracal agents list`" in told.stderr
        assert told.exit_code == 1


def test_a_key_is_rotated(caracal, issued, listed):
    name, old = issued("--label", "ci", "--expires-in", "90d")
    told = caracal("keys", "rotate", name, "--overlap", "1h")
    new = KEY.fullmatch(told.stdout.strip())
    assert new[0] != old
    rows = {row["id"]: row for row in listed()}
    assert (rows[name]["state"], rows[name]["replaced_by"]) == ("ending", new[1])
    assert (rows[new[1]]["state"], rows[new[1]]["label"]) == ("active", "ci")
    assert rows[name]["expires_at"] < rows[new[1]]["expires_at"]


def test_keys_are_revoked_by_their_id_and_by_their_agent(caracal, issued, listed):
    (one, _), _, _, (last, _) = issued(), issued(), issued(), issued()
    assert caracal("keys", "revoke", one).stdout == f"Revoked {one}.\n"
    assert caracal("keys", "revoke", one).stdout == f"{one} was revoked already.\n"
    caracal("keys", "revoke", last)
    assert caracal("keys", "revoke", "--agent", "research-1").stdout == (
        "Revoked 2 keys of research-1.\n"
    )
    assert {row["state"] for row in listed()} == {"revoked"}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["issue", "nobody"], "'nobody' is not registered"),
        (["rotate", "a" * 16], "There is no key"),
        (["revoke", "a" * 16], "There is no key"),
    ],
)
def test_what_is_refused_exits_with_1_in_words(caracal, words, told):
    result = caracal("keys", *words)
    assert (result.exit_code, result.stdout) == (1, "")
    assert told in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["issue"],
        ["issue", "research-1", "--expires-in", "soon"],
        ["issue", "research-1", "--label", "a\nb"],
        ["issue", "research-1", "--label", "a" * 129],
        ["issue", "research-1", "--route", "a b"],
        ["issue", "research-1", "--method", "post"],
        ["issue", "research-1", "--cidr", "10.0.0.1/8"],
        ["rotate"],
        ["rotate", "a" * 15],
        ["revoke"],
        ["revoke", "a" * 16, "--agent", "research-1"],
    ],
)
def test_what_is_mistyped_exits_with_2_and_changes_nothing(caracal, listed, words):
    result = caracal("keys", *words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert listed() == []


@pytest.mark.parametrize("verb", ["rotate", "revoke"])
def test_a_whole_key_in_the_place_of_an_id_is_not_repeated(caracal, issued, verb):
    _, key = issued()
    result = caracal("keys", verb, key)
    assert result.exit_code == 2
    assert "never type a whole key" in result.stderr
    assert key[20:] not in result.output


def test_without_hash_keys_nothing_is_issued(environment, caracal, listed, tmp_path):
    """The refusal names the key of the configuration, and what to do."""
    env = {"AUTH_MODE": "api_key", **environment, "CARACAL_HASH_KEY_FILE": str(tmp_path / "none")}
    result = CliRunner(env=env).invoke(cli, ["keys", "issue", "research-1"])
    assert result.exit_code == 2
    assert "CARACAL_HASH_KEY_FILE" in result.stderr
    assert "openssl rand -hex 32" in result.stderr
    assert listed() == []


def test_it_is_found_by_a_configuration_that_is_named_behind_it(environment, caracal, tmp_path):
    (tmp_path / "caracal.yaml").write_text("auth_mode: api_key")
    words = ["keys", "list", "--config", str(tmp_path / "caracal.yaml")]
    result = CliRunner(env={**environment, "AUTH_MODE": ""}).invoke(cli, words)
    assert result.exit_code == 0, result.stderr


def test_judging_the_configuration_makes_no_hash_key(caracal, storage_config):
    """`caracal check` leaves nothing behind."""
    assert "auth_apikey" in caracal("check", "--set", "tls.mode=off").stdout
    assert not (storage_config.data_dir / "hash.key").exists()
