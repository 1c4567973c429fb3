"""``caracal config``: each effective value with its origin, and the schema; never a secret."""

from __future__ import annotations

import json

import pytest

YAML = """
log_level: ERROR
upstreams:
  up:
    url: https://example.com
    headers: {Authorization: hunter2, X-Key: {secret_env: UP_KEY}}
"""


@pytest.fixture
def environment(tmp_path):
    (tmp_path / "caracal.yaml").write_text(YAML)
    (tmp_path / "settings").mkdir()
    (tmp_path / "settings" / "DB_PASSWORD").write_text("hunter2\n")
    return {
        "CARACAL_CONFIG": "caracal.yaml",
        "CARACAL_SETTINGS_DIR": "settings",
        "DB_HOST": "db",
        "TLS_MODE": "off",
    }


def test_each_value_is_shown_with_its_origin(caracal, environment):
    told = caracal(
        "config", "show", "--json", "--set", "unknown_agents=register", environment=environment
    )
    rows = {row["key"]: row for row in json.loads(told.stdout)}
    assert rows["log_level"] == {
        "key": "log_level",
        "value": "ERROR",
        "origin": "caracal.yaml line 2",
    }
    assert rows["database.password"]["origin"] == "settings/DB_PASSWORD"
    assert rows["tls.mode"]["origin"] == "environment TLS_MODE"
    assert rows["unknown_agents"]["origin"] == "command line unknown_agents"
    assert rows["listen"] == {"key": "listen", "value": "0.0.0.0:8443", "origin": "default"}


@pytest.mark.parametrize("arguments", [["config", "show"], ["config", "show", "--json"]])
def test_no_secret_is_shown(caracal, environment, arguments):
    told = caracal(*arguments, environment=environment)
    assert told.returncode == 0
    assert "hunter2" not in told.stdout + told.stderr
    assert "********" in told.stdout


def test_people_get_a_table_and_the_digest(caracal, environment):
    lines = caracal("config", "show", environment=environment).stdout.splitlines()
    assert lines[0].split() == ["KEY", "VALUE", "ORIGIN"]
    assert lines[-1].startswith("digest ")
    assert any(line.split() == ["auth_mode", '["jwt"]', "default"] for line in lines)


def test_the_schema_shows_the_configmap_names_of_core_and_plugins(caracal, packages):
    packages.add("acme")
    told = caracal(
        "config",
        "schema",
        environment={"PYTHONPATH": str(packages.directory), "PLUGINS": "acme"},
    )
    schema = json.loads(told.stdout)
    assert schema["properties"]["log_level"]["env"] == ["LOG_LEVEL"]
    assert schema["properties"]["acme"]["description"] == "A made-up plugin."
    assert schema["$defs"]["AcmeConfig"]["properties"]["depth"]["env"] == ["ACME_DEPTH"]
    assert "routes" in schema["properties"]


def test_the_schema_is_told_of_a_configuration_that_does_not_hold(caracal):
    """Whoever mends it needs the schema most."""
    assert caracal("config", "schema", environment={"LOG_LEVEL": "LOUD"}).returncode == 0
    assert caracal("config", "show", environment={"LOG_LEVEL": "LOUD"}).returncode == 2
