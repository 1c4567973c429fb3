"""The schema goes up and down whole steps at a time, whoever else does so at once."""

import asyncio
import functools
import json
import sys
import types

import pytest
from tortoise import Model, fields

from caracal_core.errors import Failure
from caracal_core.ports import Migrations
from caracal_core.storage import migrate
from caracal_core.storage.database import open_database
from caracal_core.storage.history import behind, shipped
from caracal_core.storage.migrate import down, init, up
from caracal_core.storage.migration_lock import migration_lock
from caracal_core.storage.migrations import CORE

OURS = [f"{CORE.app}/{name}" for name in shipped(CORE.directory)]

FILE = '''
from caracal_core.storage.script import script

async def upgrade(db):
    return script(db, postgresql="""{up}""", sqlite="""{up}""")

async def downgrade(db):
    return script(db, postgresql="""{down}""", sqlite="""{down}""")
'''

# Everything that a step may make, in words that compare equal when it is made again.
SCHEMA = {
    "sqlite": """
        SELECT type, name, sql FROM sqlite_master
        WHERE tbl_name <> 'aerich' AND name NOT LIKE 'sqlite_%' ORDER BY name""",
    "postgresql": """
        SELECT table_name AS "of", column_name AS name,
               data_type || is_nullable || coalesce(column_default, '') AS "is"
        FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'aerich'
        UNION ALL SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conname !~ 'aerich'
        UNION ALL SELECT tablename, indexname, indexdef
        FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'aerich'
        UNION ALL SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid)
        FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL SELECT '', proname, md5(prosrc)
        FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        ORDER BY 1, 2, 3""",
}


async def _schema(config):
    async with open_database(config) as database:
        return [dict(row) for row in await database.fetch(SCHEMA[database.dialect])]


class Thing(Model):
    id = fields.IntField(primary_key=True)

    class Meta:
        table = "things"


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """A plugin with two steps, of which the second may be rewritten."""
    models = types.ModuleType("things_models")
    models.Thing = Thing
    monkeypatch.setitem(sys.modules, "things_models", models)
    directory = tmp_path / "steps"
    directory.mkdir()
    one = FILE.format(
        up="CREATE TABLE things (id INTEGER PRIMARY KEY, account VARCHAR(32) REFERENCES accounts);",
        down="DROP TABLE things;",
    )
    two = FILE.format(up="CREATE TABLE others (id INTEGER);", down="DROP TABLE others;")
    (directory / "0_things.py").write_text(one)
    (directory / "1_others.py").write_text(two)
    return Migrations("things", "things_models", str(directory))


async def test_a_blank_database_becomes_current(blank_config):
    assert await up(blank_config) == OURS
    async with open_database(blank_config) as database:
        assert await behind(database) == []
        assert await database.fetch("SELECT * FROM accounts") == []


async def test_going_up_again_does_nothing(blank_config):
    await up(blank_config)
    before = await _schema(blank_config)
    assert await up(blank_config) == []
    assert await _schema(blank_config) == before


async def test_down_to_nothing_and_up_again_is_the_same_schema(blank_config):
    """Each step takes back exactly what it made."""
    blank = await _schema(blank_config)
    await up(blank_config)
    full = await _schema(blank_config)
    assert [await down(blank_config) for _ in OURS] == OURS[::-1]
    assert await _schema(blank_config) == blank
    assert await down(blank_config) is None
    assert await up(blank_config) == OURS
    assert await _schema(blank_config) == full


async def test_two_processes_at_once_migrate_once(blank_config):
    """Both succeed; all of the work is one's."""
    program = """
import asyncio, json, sys
from caracal_core.storage.config import StorageConfig
from caracal_core.storage.migrate import up

config = StorageConfig(**json.loads(sys.argv[1]))
sys.stdin.readline()
print(json.dumps(asyncio.run(up(config))))
"""
    secret = {"password": blank_config.password.get_secret_value()}
    config = json.dumps(blank_config.model_dump(mode="json") | secret)
    pipe = asyncio.subprocess.PIPE
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, config, stdin=pipe, stdout=pipe
        )
        for _ in range(2)
    ]
    ended = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
    assert [process.returncode for process in processes] == [0, 0]
    assert sorted(json.loads(said) for said, _ in ended) == [[], OURS]


async def test_nobody_touches_the_schema_while_another_migrates(blank_config, monkeypatch):
    impatient = functools.partial(migration_lock, wait_seconds=0.1)
    monkeypatch.setattr(migrate, "migration_lock", impatient)
    async with migration_lock(blank_config):
        for work in (init, up, down):
            with pytest.raises(Failure, match="another process has been migrating"):
                await work(blank_config)
    assert await _schema(blank_config) == []


async def test_the_core_goes_first_and_a_plugin_keeps_its_own_history(blank_config, plugin):
    steps = await up(blank_config, [plugin])
    assert steps == [*OURS, "things/0_things", "things/1_others"]
    assert await down(blank_config, plugin) == "things/1_others"
    async with open_database(blank_config) as database:
        assert await behind(database, [plugin]) == ["things/1_others"]
        assert await behind(database) == []


async def test_a_plugin_that_is_enabled_later_catches_up(blank_config, plugin):
    await up(blank_config)
    assert await up(blank_config, [plugin]) == ["things/0_things", "things/1_others"]


async def test_a_rule_of_the_schema_that_a_step_breaks_is_no_refusal(
    blank_config, plugin, tmp_path
):
    """What the database says of it stands as it is."""
    breaking = (
        "CREATE TABLE b (n INTEGER CONSTRAINT small CHECK (n < 1)); INSERT INTO b VALUES (2);"
    )
    file = tmp_path / "steps" / "1_others.py"
    file.write_text(FILE.format(up=breaking, down=""))
    with pytest.raises(Failure, match=r"a step of things failed: .*(CHECK|check) constraint"):
        await up(blank_config, [plugin])


@pytest.mark.parametrize(
    "broken",
    [
        FILE.format(
            up="CREATE TABLE others (id INTEGER); INSERT INTO nowhere VALUES (1);", down=""
        ),
        FILE.format(up="CREATE TABLE others (id INTEGER);", down="").replace(
            "return script", "raise LookupError('a bug in the step'); return script", 1
        ),
        "import no_such_module",
    ],
    ids=["sql", "code", "import"],
)
async def test_a_step_that_fails_leaves_nothing_half_done(blank_config, plugin, tmp_path, broken):
    """Those before it stay, it is still pending, and mended it goes through."""
    file = tmp_path / "steps" / "1_others.py"
    good = file.read_text()
    file.write_text(broken)
    with pytest.raises(Failure, match="a step of things failed"):
        await up(blank_config, [plugin])
    async with open_database(blank_config) as database:
        assert await behind(database, [plugin]) == ["things/1_others"]
        with pytest.raises(Failure):
            await database.fetch("SELECT * FROM others")
    file.write_text(good)
    assert await up(blank_config, [plugin]) == ["things/1_others"]


async def test_a_step_that_others_refer_to_cannot_be_undone(blank_config, plugin):
    await up(blank_config, [plugin])
    before = await _schema(blank_config)
    async with open_database(blank_config) as database:
        await database.execute(
            "INSERT INTO accounts (id, name, kind, created_at) VALUES ('1', 'a', 'agent', 0)"
        )
        await database.execute("INSERT INTO things VALUES (1, '1')")
    for step in OURS[:0:-1]:
        assert await down(blank_config) == step
    with pytest.raises(Failure, match="a step of caracal is refused: the table accounts has rows"):
        await down(blank_config)
    assert await up(blank_config, [plugin]) == OURS[1:]
    assert await _schema(blank_config) == before


async def test_init_prepares_and_may_be_repeated(blank_config):
    await init(blank_config)
    await init(blank_config)
    assert await up(blank_config) == OURS
    await init(blank_config)
    assert await up(blank_config) == []


async def test_a_server_that_cannot_be_reached_is_a_failure(postgres_config):
    config = postgres_config.model_copy(update={"name": "no_such_database"})
    for work in (init(config), up(config), down(config)):
        with pytest.raises(Failure, match="no_such_database"):
            await work
