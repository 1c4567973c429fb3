"""``caracal agents``: people and programs register, see and disable agents."""

from __future__ import annotations

import asyncio
import json

import pytest

from caracal_core.builtin.ledger.writing import reserve
from caracal_core.storage.database import open_database
from caracal_core.testing.fakes import a_charge, usd


@pytest.fixture
def agents(caracal_at):
    return lambda *arguments, code=0: caracal_at("agents", *arguments, code=code)


def test_an_agent_and_its_groups_from_registration_to_refusal(agents):
    """The whole life, as an operator would type it."""
    assert "No agent is registered" in agents("list")
    assert agents("list", "--json") == "[]\n"
    agents("register", "acme", "--kind", "group")
    agents("register", "team", "--kind", "group", "--parent", "acme")
    said = agents("register", "research-1", "--parent", "team")
    assert said == "Registered the agent research-1 below team.\n"

    listed = json.loads(agents("list", "--json"))
    assert [(row["name"], row["kind"], row["parent"]) for row in listed] == [
        ("acme", "group", None),
        ("research-1", "agent", "team"),
        ("team", "group", "acme"),
    ]
    assert listed[0]["created_at"].endswith("+00:00")

    (shown,) = json.loads(agents("show", "research-1", "--json"))
    assert shown["accounts"] == ["research-1", "team", "acme"]
    assert (shown["enabled"], shown["admitted"]) == (True, True)

    assert agents("disable", "team") == "Disabled team.\n"
    (shown,) = json.loads(agents("show", "research-1", "--json"))
    assert (shown["enabled"], shown["admitted"]) == (True, False)
    assert agents("enable", "team") == "Enabled team.\n"
    (shown,) = json.loads(agents("show", "research-1", "--json"))
    assert shown["admitted"]

    head, *lines = agents("list").splitlines()
    assert head.split() == ["NAME", "KIND", "PARENT", "ENABLED", "CREATED", "AT"]
    assert [line.split()[:4] for line in lines] == [
        ["acme", "group", "-", "yes"],
        ["research-1", "agent", "team", "yes"],
        ["team", "group", "acme", "yes"],
    ]


def test_an_agent_moves_from_parent_to_parent_and_to_the_top(agents):
    """Whoever registers it again below another one is told how."""
    agents("register", "old", "--kind", "group")
    agents("register", "new", "--kind", "group")
    agents("register", "alice", "--parent", "old")
    said = agents("register", "alice", "--parent", "new", code=1)
    assert "registered already; `caracal agents move alice --parent new` puts it below new" in said
    assert (
        agents("move", "alice", "--parent", "new") == "alice is below new now; it was below old.\n"
    )
    assert agents("move", "alice", "--top") == "alice is at the top now; it was below new.\n"
    assert agents("move", "new", "--parent", "alice") == (
        "new is below alice now; it was at the top.\n"
    )
    assert "alice cannot be put below new, which is below it" in agents(
        "move", "alice", "--parent", "new", code=1
    )
    assert "'nobody' is not registered" in agents("move", "alice", "--parent", "nobody", code=1)
    for neither_or_both in ((), ("--parent", "new", "--top")):
        assert "either --parent NAME or --top" in agents("move", "alice", *neither_or_both, code=2)
    (shown,) = json.loads(agents("show", "new", "--json"))
    assert shown["accounts"] == ["new", "alice"]


def test_what_is_held_stays_where_it_was_held_when_its_agent_moves(
    agents, caracal_at, storage_config
):
    """The new path pays for new calls alone; sums of a subtree go by the new place."""

    async def hold(*accounts):
        charge = a_charge(usd("0.5"), *accounts)
        async with open_database(storage_config) as database:
            await reserve(database, charge, "owner")
        return charge.id

    def counts():
        rows = json.loads(caracal_at("budgets", "list", "--json"))
        return {row["account"]: (row["spent"], row["held"]) for row in rows}

    for group in ("old", "new"):
        agents("register", group, "--kind", "group")
        caracal_at("budgets", "set", group, "10", "USD")
    agents("register", "alice", "--parent", "old")
    held = asyncio.run(hold("alice", "old"))
    agents("move", "alice", "--parent", "new")
    (shown,) = json.loads(agents("show", "alice", "--json"))
    asyncio.run(hold(*shown["accounts"]))
    assert counts() == {"old": ("0", "0.5"), "new": ("0", "0.5")}
    caracal_at("charges", "release", held, "--post")
    assert counts() == {"old": ("0.5", "0"), "new": ("0", "0.5")}
    assert json.loads(caracal_at("ledger", "summary", "--under", "old", "--json")) == []
    (row,) = json.loads(caracal_at("ledger", "summary", "--under", "new", "--json"))
    assert (row["posted"], row["held"]) == ("0.5", "0.5")


@pytest.mark.parametrize("command", ["show", "disable", "enable"])
def test_who_is_not_registered_is_not_found(agents, command):
    assert "'nobody' is not registered" in agents(command, "nobody", code=1)


def test_what_cannot_be_registered_is_refused_with_the_reason(agents):
    agents("register", "agent")
    assert "registered already" in agents("register", "agent", code=1)
    assert "1-128 of" in agents("register", "two words", code=1)
    assert "'nobody' is not registered" in agents("register", "other", "--parent", "nobody", code=1)


def test_a_long_list_comes_in_pages(caracal, sqlite_config, storage_environment):
    environment = storage_environment(sqlite_config)
    for name in ("a", "b", "c"):
        caracal("agents", "register", name, environment=environment)
    page = caracal("agents", "list", "--limit", "2", "--json", environment=environment)
    assert [row["name"] for row in json.loads(page.stdout)] == ["a", "b"]
    assert "--after b" in page.stderr
    rest = caracal("agents", "list", "--after", "b", "--json", environment=environment)
    assert [row["name"] for row in json.loads(rest.stdout)] == ["c"]


def test_before_the_schema_exists_the_mend_is_said(caracal):
    ended = caracal("agents", "list")
    assert ended.returncode == 1
    assert "caracal db migrate up" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_server_that_is_gone_is_one_paragraph_without_the_password(
    caracal, postgres_config, storage_environment
):
    environment = {**storage_environment(postgres_config), "DB_PORT": "1"}
    ended = caracal("agents", "list", environment=environment)
    assert ended.returncode == 1
    assert "PostgreSQL" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert postgres_config.password.get_secret_value() not in ended.stderr
