"""``caracal db``: from a blank database to a current one and back, and what stands in the way."""

from __future__ import annotations

import asyncio
import json

import pytest

from caracal_core.cli.db import plugin_migrations
from caracal_core.errors import Misconfigured
from caracal_core.plugin import Plugin
from caracal_core.ports import Migrations
from caracal_core.storage.database import open_database
from caracal_core.storage.history import shipped
from caracal_core.storage.migrations import CORE

OURS = shipped(CORE.directory)


@pytest.fixture
def db(caracal, blank_config, storage_environment):
    """Run ``caracal db`` against each blank store; expect an exit code."""

    def db(*arguments: str, code: int = 0):
        ended = caracal("db", *arguments, environment=storage_environment(blank_config))
        assert ended.returncode == code, ended.stderr
        assert "Traceback" not in ended.stderr
        return ended

    return db


def test_from_blank_to_current_and_a_step_back(db):
    """Init may be repeated, status tells scripts by its code, down asks first."""
    assert "is ready" in db("init").stdout
    assert "is ready" in db("init").stdout

    pending = db("status", "--json", code=1)
    assert [row["state"] for row in json.loads(pending.stdout)] == ["pending"] * len(OURS)
    assert "`caracal db migrate up`" in pending.stderr

    applied = db("migrate", "up").stdout.splitlines()
    made = [line for line in applied[:-1] if line.startswith("Made entries_")]
    assert applied[: -1 - len(made)] == [f"Applied {CORE.app}/{name}." for name in OURS]
    assert "is current" in applied[-1]
    assert len(db("migrate", "up").stdout.splitlines()) == 1
    assert {row["state"] for row in json.loads(db("status", "--json").stdout)} == {"applied"}

    assert "Aborted" in db("migrate", "down", code=1).stderr
    assert json.loads(db("status", "--json").stdout)[-1]["state"] == "applied"
    assert db("migrate", "down", "--yes").stdout == f"Undid {CORE.app}/{OURS[-1]}.\n"
    assert json.loads(db("status", "--json", code=1).stdout)[-1]["state"] == "pending"


def test_status_is_readable(db):
    head, first, *_ = db("status", code=1).stdout.splitlines()
    assert head.split() == ["HISTORY", "STEP", "STATE"]
    assert first.split() == ["caracal", OURS[0], "pending"]


def test_there_may_be_nothing_to_undo(db):
    assert db("migrate", "down", "--yes").stdout == "Nothing of caracal is applied.\n"


def test_rows_in_the_way_are_told_alike_on_both_databases_with_what_to_do(db, blank_config):
    """A gateway that was started has written its prices down; then nothing goes down by itself."""
    db("migrate", "up")
    for _ in OURS[OURS.index("6_prices") + 1 :]:
        db("migrate", "down", "--yes")

    on = {"sqlite": "", "postgresql": " ON prices"}

    async def write_down(*statements):
        async with open_database(blank_config) as database:
            for sql in statements:
                await database.execute(sql.format(on=on[database.dialect]))

    asyncio.run(write_down("INSERT INTO prices (tariff, version, terms, created_at) "
                           "VALUES ('t', 'yaml-1', '{{}}', 0)"))  # fmt: skip
    told = db("migrate", "down", "--yes", code=1).stderr
    assert told.startswith("storage: a step of caracal is refused: the table prices has rows, ")
    assert "`caracal prices history TARIFF --json`" in told
    assert told.endswith("do DELETE FROM prices\n")
    asyncio.run(write_down("DROP TRIGGER prices_are_not_removed{on}", "DELETE FROM prices"))
    assert db("migrate", "down", "--yes").stdout == f"Undid {CORE.app}/6_prices.\n"


def test_an_unknown_history_is_refused_with_the_known_ones(db):
    assert "there is caracal" in db("migrate", "down", "--app", "nonsense", code=1).stderr


@pytest.mark.parametrize("command", [["init"], ["status"], ["migrate", "up"]])
def test_a_server_that_is_gone_fails_in_one_paragraph(
    caracal, postgres_config, storage_environment, command
):
    """A job that migrates before the database is there must not report success."""
    environment = {**storage_environment(postgres_config), "DB_PORT": "1"}
    ended = caracal("db", *command, environment=environment)
    assert ended.returncode == 1
    assert "PostgreSQL" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_role_without_rights_is_told_what_it_lacks(caracal, postgresql, storage_environment):
    with postgresql.database() as config:
        postgresql.sql("ALTER SCHEMA public OWNER TO postgres", database=config.name)
        ended = caracal("db", "init", environment=storage_environment(config))
    assert ended.returncode == 1
    assert "GRANT CREATE ON SCHEMA" in ended.stderr


def test_a_directory_that_cannot_be_used_is_misconfigured(caracal, tmp_path):
    (tmp_path / "file").write_text("")
    ended = caracal("db", "init", environment={"CARACAL_DATA_DIR": str(tmp_path / "file")})
    assert ended.returncode == 2
    assert "CARACAL_DATA_DIR" in ended.stderr


class Tabled(Plugin):
    """A plugin with tables."""

    def migrations(self):
        return Migrations("tabled", "tabled.models", "/steps")


class Broken(Plugin):
    """A plugin whose hook has a bug."""

    def migrations(self):
        raise LookupError("a bug")


class _Loaded:
    def __init__(self, *plugin_classes):
        self.enabled = [_Enabled(each) for each in plugin_classes]
        self.sections = {each.__name__: each.Config() for each in plugin_classes}


class _Enabled:
    def __init__(self, plugin_class):
        self.name, self.plugin_class = plugin_class.__name__, plugin_class


def test_plugins_migrations_are_found_in_their_order():
    found = plugin_migrations(_Loaded(Plugin, Tabled, Plugin))
    assert [migrations.app for migrations in found] == ["tabled"]


def test_a_plugin_whose_hook_fails_is_named():
    with pytest.raises(Misconfigured, match=r"plugin Broken.*LookupError: a bug"):
        plugin_migrations(_Loaded(Tabled, Broken))
