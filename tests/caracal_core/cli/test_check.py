"""``caracal check`` says everything that would stop the start, and opens nothing."""

from __future__ import annotations

import pytest

GOOD = """
upstreams: {up: {url: "https://example.com"}}
routes: [{id: a, path: /a, upstream: up}]
policies: [{id: all, effect: permit, agents: ["*"], routes: [a]}]
"""


@pytest.fixture
def check(caracal, tmp_path):
    def check(yaml=GOOD, **environment):
        (tmp_path / "caracal.yaml").write_text(yaml)
        return caracal("check", "--config", "caracal.yaml", environment=environment)

    return check


def test_a_configuration_that_holds(check, tmp_path):
    told = check()
    assert told.returncode == 0
    assert "Routes: a\n" in told.stdout
    assert "The configuration holds" in told.stdout
    assert not (tmp_path / "data").exists()


def test_the_database_is_not_asked(check):
    """It may be checked where no database is, such as in CI."""
    assert check(DB_HOST="127.0.0.1", DB_PORT="1").returncode == 0


def test_a_misspelt_key_is_named_with_its_line_and_the_nearest(check):
    told = check("\nrutes: []\n")
    assert told.returncode == 2
    assert told.stderr == "rutes (caracal.yaml line 2): no such key. Did you mean routes?\n"


def test_parts_that_do_not_fit_together_are_named(check):
    told = check(GOOD.replace("upstream: up", "upstream: down"))
    assert told.returncode == 2
    assert "route a: upstream: down does not exist" in told.stderr


def test_what_has_no_effect_is_noted(check):
    told = check(MCP_SERVERS="a:http://b")
    assert told.returncode == 0
    assert "Note: environment MCP_SERVERS has no effect" in told.stdout


def test_a_plugin_whose_constructor_breaks_is_named(check, packages):
    packages.add(
        "acme",
        code="from caracal_core.plugin import Plugin\n"
        "class ThePlugin(Plugin):\n"
        "    def __init__(self, config):\n"
        "        raise KeyError('x')\n",
    )
    told = check(PYTHONPATH=str(packages.directory), PLUGINS="acme")
    assert told.returncode == 2
    assert told.stderr.startswith("plugin acme: its constructor raised KeyError")
    assert "Traceback" not in told.stderr
