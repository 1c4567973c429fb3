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


def test_a_missing_plugin_is_listed_with_its_mend_among_what_is_there(caracal, packages):
    """The list is what one would look for it in."""
    packages.add("acme")
    packages.add("broken", code="raise RuntimeError('half installed')")
    environment = {
        "PYTHONPATH": str(packages.directory),
        "AUTH_MODE": "nowhere,jwt",
        "PLUGINS": "broken,acme,acne",
    }
    told = caracal("plugins", "--json", environment=environment)
    assert told.returncode == 2
    rows = json.loads(told.stdout)
    assert [(row["name"], row["state"]) for row in rows[:5]] == [
        ("auth_nowhere", "missing"),
        ("auth_jwt", "enabled"),
        ("broken", "refused"),
        ("acme", "enabled"),
        ("acne", "missing"),
    ]
    acne = rows[4]
    assert acne["problem"] == "plugins: acne is not installed"
    assert acne["mend"].startswith("Did you mean acme?")
    assert [row["mend"] for row in rows if row["state"] in {"enabled", "built-in"}].count("") > 5
    paragraph = told.stderr.splitlines()
    assert [line.partition(":")[0] for line in paragraph] == [
        "auth_mode",
        "plugin broken",
        "plugins",
    ]
    table = caracal("plugins", environment=environment)
    assert (table.returncode, table.stderr) == (2, told.stderr)
    head, first, *_ = table.stdout.splitlines()
    assert head.split()[-1] == "MEND"
    assert first.split()[:2] == ["auth_nowhere", "missing"]
    assert "Installed modes:" in first


def test_what_else_is_wrong_is_still_told(caracal, tmp_path):
    (tmp_path / "caracal.yaml").write_text("polices: []")
    told = caracal("plugins", "--config", "caracal.yaml")
    assert (told.returncode, "Did you mean policies?" in told.stderr) == (2, True)
    assert told.stdout.splitlines()[1].split()[0] == "auth_jwt"
