"""``caracal plugins`` lists what is installed and imports only what is enabled."""

from __future__ import annotations

import json


def test_enabled_built_in_and_installed_plugins_are_told_apart(caracal, packages):
    packages.add("acme", version="1.2.0")
    packages.add("bomb", code="raise SystemExit('imported')")
    environment = {"PYTHONPATH": str(packages.directory), "PLUGINS": "acme"}
    told = caracal("plugins", "--json", environment=environment)
    assert told.returncode == 0, told.stderr
    rows = {row["name"]: row for row in json.loads(told.stdout)}
    assert rows["acme"]["hooks"] == ["observers"]
    assert rows["acme"]["keys"] == ["acme"]
    assert rows["acme"]["pin"].startswith("acme==1.2.0@sha256:")
    assert rows["auth_jwt"]["state"] == "enabled"
    assert rows["routes"]["state"] == "built-in"
    assert (rows["bomb"]["state"], rows["bomb"]["hooks"]) == ("installed", [])


def test_people_get_a_table(caracal):
    lines = caracal("plugins").stdout.splitlines()
    assert lines[0].split() == ["NAME", "VERSION", "DISTRIBUTION", "STATE", "HOOKS", "KEYS"]
    assert lines[1].split()[0] == "auth_jwt"
