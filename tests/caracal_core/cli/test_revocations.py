"""``caracal revocations``: people and programs revoke, see and take back."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def revocations(caracal_at):
    caracal_at("agents", "register", "anna")
    return lambda *arguments, code=0: caracal_at("revocations", *arguments, code=code)


def test_a_revocation_from_its_writing_to_its_end(revocations):
    """The whole life, as an operator would type it."""
    assert "Nothing is revoked" in revocations("list")
    assert revocations("list", "--json") == "[]\n"
    said = revocations(
        "add",
        "--scheme",
        "jwt",
        "--credential",
        "idp 17",
        "--reason",
        "leaked",
        "--expires-in",
        "2h",
    )
    assert said == "Revoked the jwt credential idp 17; its number is 1.\n"
    assert revocations("add", "--agent", "anna").startswith(
        "Revoked every credential that anna was issued before 20"
    )
    said = revocations("add", "--agent", "anna", "--scheme", "jwt", "--issued-before", "2026-01-31")
    assert "every jwt credential that anna was issued before 2026-01-31T00:00:00+00:00" in said

    one, all_of_anna, jwt_of_anna = json.loads(revocations("list", "--json"))
    assert (one["scheme"], one["credential"], one["agent"]) == ("jwt", "idp 17", None)
    assert one["reason"] == "leaked"
    assert one["expires_at"] > one["created_at"]
    assert (all_of_anna["agent"], all_of_anna["scheme"]) == ("anna", None)
    assert all_of_anna["issued_before"] == all_of_anna["created_at"]
    assert jwt_of_anna["issued_before"] == "2026-01-31T00:00:00+00:00"

    head, *lines = revocations("list").splitlines()
    assert head.split()[:4] == ["ID", "SCHEME", "CREDENTIAL", "AGENT"]
    assert [line.split()[0] for line in lines] == ["1", "2", "3"]

    assert revocations("remove", "1") == "Removed the revocation 1.\n"
    assert [row["id"] for row in json.loads(revocations("list", "--json"))] == [2, 3]
    assert "There is no revocation 1" in revocations("remove", "1", code=1)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--scheme", "jwt"],
        ["--credential", "x"],
        ["--scheme", "jwt", "--credential", "x", "--agent", "anna"],
        ["--scheme", "jwt", "--credential", "x", "--issued-before", "2026-01-31"],
        ["--agent", "anna", "--expires-in", "soon"],
    ],
)
def test_half_a_wish_is_explained(revocations, words):
    said = revocations("add", *words, code=2)
    assert "Usage:" in said
    assert revocations("list", "--json") == "[]\n"


def test_what_would_revoke_nothing_is_refused_with_what_there_is(revocations):
    """A misspelt scheme or name looks like safety and is none."""
    said = revocations("add", "--scheme", "jtw", "--credential", "x", code=1)
    assert said == "No enabled mode has the scheme 'jtw'; there are: jwt.\n"
    assert "'ana' is not registered" in revocations("add", "--agent", "ana", code=1)
    assert "jti" in revocations("add", "--scheme", "jwt", "--credential", "a\nb", code=2)


def test_a_group_shows_no_credentials(revocations, caracal_at):
    caracal_at("agents", "register", "team", "--kind", "group")
    assert "team is a group" in revocations("add", "--agent", "team", code=1)


@pytest.mark.parametrize("prefix", ["", "Bearer "])
def test_a_whole_token_is_neither_written_nor_repeated(revocations, prefix):
    token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbm5hIn0.c2lnbmF0dXJl"
    said = revocations("add", "--scheme", "jwt", "--credential", prefix + token, code=2)
    assert "whole token" in said
    assert token not in said
    assert revocations("list", "--json") == "[]\n"


def test_a_long_list_comes_in_pages(caracal, sqlite_config, storage_environment):
    environment = storage_environment(sqlite_config)
    for name in ("a", "b", "c"):
        caracal(
            *("revocations", "add", "--scheme", "jwt", "--credential", name),
            environment=environment,
        )
    page = caracal("revocations", "list", "--limit", "2", "--json", environment=environment)
    assert [row["credential"] for row in json.loads(page.stdout)] == ["a", "b"]
    assert "--after 2" in page.stderr
    rest = caracal("revocations", "list", "--after", "2", "--json", environment=environment)
    assert [row["credential"] for row in json.loads(rest.stdout)] == ["c"]
