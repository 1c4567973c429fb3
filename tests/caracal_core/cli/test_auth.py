"""``caracal auth plan`` names who would not get in, before anyone switches."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from caracal_core.storage.accounts import enable, register
from caracal_core.storage.database import open_database
from caracal_core.storage.sightings import DAY_SECONDS, Seen, add

CONFIG = """
upstreams: {up: {url: "https://example.com"}}
routes: [{id: a, path: /a, upstream: up}]
policies: [{id: all, effect: permit, agents: ["*"], routes: [a]}]
"""
OUTSIDE = '''
from caracal_core.plugin import Plugin, hookimpl


class Outside:
    scheme, challenge, headers = "outside", "Outside", frozenset({"x-outside"})

    async def authenticate(self, request):
        return None


class ThePlugin(Plugin):
    """A mode that somebody else made."""

    @hookimpl
    def authenticators(self, services):
        return [Outside()]
'''
TODAY = int(time.time() // DAY_SECONDS)


async def _seen(config):
    async with open_database(config) as database:
        await register(database, "team", kind="group")
        for name in ("anna", "ben", "idle", "off"):
            await register(database, name, parent="team" if name == "anna" else None)
        await enable(database, "off", enabled=False)
        token, both = ("bearer_jws",), ("bearer_jws", "header:x-outside")
        await add(
            database,
            {
                Seen("anna", TODAY, both, ("jwt",), ("outside",)): 5,
                Seen("ben", TODAY - 1, token, ("jwt",)): 3,
                Seen("ben", TODAY - 60, both, ("jwt",), ("outside",)): 9,
                Seen("off", TODAY, token, ("jwt",)): 1,
            },
        )
        return database


@pytest.fixture
def plan(caracal, packages, storage_config, storage_environment, tmp_path):
    """Run ``caracal auth plan`` on a store in which some agents were seen."""
    packages.add("auth_outside", code=OUTSIDE)
    (tmp_path / "caracal.yaml").write_text(CONFIG)
    asyncio.run(_seen(storage_config))
    environment = {**storage_environment(storage_config), "PYTHONPATH": str(packages.directory)}

    def run(*words: str, code: int, **more: str):
        command = ("auth", "plan", *words, "--config", "caracal.yaml")
        ended = caracal(*command, environment=environment | more)
        assert ended.returncode == code, ended.stderr
        assert "Traceback" not in ended.stderr
        return ended.stderr if code == 2 else ended.stdout

    return run


def test_who_would_not_get_in_is_named_with_the_reason(plan):
    rows = json.loads(plan("--to", "outside", "--json", code=1, AUTH_TRIAL="outside"))
    assert [(row["agent"], row["verdict"]) for row in rows] == [
        ("anna", "gets in"),
        ("ben", "would not"),
        ("idle", "unseen"),
    ]
    (ben,) = [row for row in rows if row["agent"] == "ben"]
    assert (ben["requests"], ben["affected"]) == (3, 3)
    assert ben["why"] == (
        "The affected requests showed a signed bearer token and nothing else, "
        "which outside does not take."
    )
    assert ben["last_seen"] == time.strftime("%Y-%m-%d", time.gmtime((TODAY - 1) * DAY_SECONDS))

    head, *lines = plan("--to", "outside", code=1, AUTH_TRIAL="outside").splitlines()
    assert head.split() == ["AGENT", "VERDICT", "REQUESTS", "AFFECTED", "LAST", "SEEN", "WHY"]
    assert len(lines) == 3


def test_where_everybody_that_was_seen_gets_in_it_ends_with_0(plan):
    rows = json.loads(plan("--to", "jwt", "--json", code=0))
    assert {row["verdict"] for row in rows} == {"gets in", "unseen"}
    assert plan("--to", "outside", "--days", "0", code=0, AUTH_TRIAL="outside")


def test_what_was_long_ago_counts_where_it_is_asked_for(plan):
    words = ("--to", "outside,jwt", "--json", "--days", "100")
    ben = json.loads(plan(*words, code=1, AUTH_TRIAL="outside"))[1]
    assert (ben["verdict"], ben["requests"], ben["affected"]) == ("would not", 12, 9)


def test_who_sends_two_header_credentials_would_be_refused_by_a_chain_of_both(plan):
    rows = json.loads(plan("--to", "outside,jwt", "--json", code=1, AUTH_TRIAL="outside"))
    assert [(row["agent"], row["verdict"]) for row in rows][:2] == [
        ("anna", "would not"),
        ("ben", "gets in"),
    ]
    assert "credentials in authorization and x-outside" in rows[0]["why"]


def test_what_was_not_recorded_is_not_sure(plan):
    """A header of a mode's own is recorded once the mode is enabled, or on trial."""
    rows = json.loads(plan("--to", "outside", "--json", code=1))
    (ben,) = [row for row in rows if row["agent"] == "ben"]
    assert ben["verdict"] == "unsure"
    assert "what outside takes is not recorded: put it in auth_trial" in ben["why"]


def test_a_mode_that_is_not_installed_ends_with_2_and_the_mend(plan):
    assert plan("--to", "nowhere", code=2).startswith("auth_mode: no installed plugin serves")


def test_a_configuration_that_would_not_start_ends_with_2(plan, tmp_path):
    only = CONFIG.replace("upstream: up}", "upstream: up, schemes: [jwt]}")
    (tmp_path / "caracal.yaml").write_text(only)
    assert "route a: schemes: jwt does not exist" in plan("--to", "outside", code=2)
