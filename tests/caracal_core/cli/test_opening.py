"""A house is opened from the ground up: store, schema, plugins, ports; and closed again."""

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace

import aiohttp
import pytest
import yaml

from caracal_core.assembly import discovery
from caracal_core.assembly.masking import Masking
from caracal_core.cli import opening
from caracal_core.cli.demo.token import make_key
from caracal_core.cli.opening import serve_house
from caracal_core.config.load import load
from caracal_core.config.reload import Undecided
from caracal_core.config.sources import locate
from caracal_core.errors import Failure, Misconfigured
from caracal_core.ports import Migrations
from caracal_core.storage.database import open_database
from caracal_core.storage.history import behind

PATIENCE = 30


@pytest.fixture
def configured(tmp_path):
    """Write the smallest configuration that serves; return where it is and what it says."""

    def configure(environment, **settings):
        make_key(tmp_path / "public.pem")
        said = {
            "listen": "127.0.0.1:0",
            "operations": {"listen": "127.0.0.1:0"},
            "tls": {"mode": "off"},
            "auth_jwt": {"public_key_path": str(tmp_path / "public.pem")},
            "upstreams": {"u": {"url": "http://127.0.0.1:9", "allow_private": True}},
            "routes": [{"id": "r", "path": "/r/", "upstream": "u"}],
            "policies": [{"id": "p", "effect": "permit", "agents": ["*"], "routes": ["r"]}],
        } | settings
        file = tmp_path / "caracal.yaml"
        file.write_text(yaml.safe_dump(said))
        places = locate(environment, str(file))
        return places, load(places.read(), discovery)

    return configure


@asynccontextmanager
async def served(places, loaded, prepare=None):
    """Serve while the block runs; give the URLs of both ports."""
    listening = asyncio.get_running_loop().create_future()

    def announce(*urls):
        listening.set_result(urls)

    task = asyncio.create_task(serve_house(places, loaded, Masking(), prepare, announce))
    try:
        async with asyncio.timeout(PATIENCE):
            await asyncio.wait([task, listening], return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                task.result()
            yield listening.result()
    finally:
        task.cancel()
        await asyncio.wait([task], timeout=PATIENCE)
        assert task.done()


async def fetch(url):
    async with aiohttp.ClientSession() as session, session.get(url) as reply:
        return reply.status, await reply.text()


async def test_the_embedded_store_is_migrated_and_postgresql_is_left_alone(
    configured, blank_config, storage_environment
):
    """Replicas share a PostgreSQL, so its schema changes when the operator says so."""
    places, loaded = configured(storage_environment(blank_config))
    async with served(places, loaded) as (_, operations):
        status, text = await fetch(f"{operations}/health/ready")
    async with open_database(blank_config) as database:
        pending = await behind(database)
    if blank_config.embedded:
        assert (status, pending) == (200, [])
    else:
        assert (status, bool(pending)) == (503, True)
        faults = [check["fault"] for check in json.loads(text)["checks"] if check["fault"]]
        assert any("caracal db migrate up" in fault for fault in faults)


async def test_the_store_is_prepared_before_anybody_is_served(
    configured, sqlite_config, storage_environment
):
    places, loaded = configured(storage_environment(sqlite_config))
    seen = []

    async def prepare(database):
        seen.append(await behind(database))

    async with served(places, loaded, prepare) as (gateway, _):
        assert seen == [[]]
        assert (await fetch(f"{gateway}/health"))[0] in {200, 503}


async def test_everything_is_closed_afterwards_and_can_be_opened_again(
    configured, sqlite_config, storage_environment
):
    """The data directory's lock, the ports and the store are free again."""
    places, loaded = configured(storage_environment(sqlite_config))
    async with served(places, loaded) as (first, _):
        taken = {"listen": first.removeprefix("http://")}
    places, loaded = configured(storage_environment(sqlite_config), **taken)
    async with served(places, loaded) as (second, _):
        assert second == first


async def test_a_part_that_cannot_open_leaves_nothing_open(
    configured, sqlite_config, storage_environment, tmp_path
):
    environment = storage_environment(sqlite_config)
    places, broken = configured(environment, auth_jwt={"public_key_path": str(tmp_path / "no")})
    with pytest.raises(Misconfigured, match="auth_jwt"):
        async with served(places, broken):
            pass
    async with served(*configured(environment)):
        pass


async def test_a_changed_file_is_taken_into_effect(configured, sqlite_config, storage_environment):
    """The sources that it was loaded from are watched while it serves, and only so long."""
    environment = storage_environment(sqlite_config)
    places, loaded = configured(environment)
    async with served(places, loaded) as (_, operations):
        wanted = configured(environment, part_timeout=4)[1].digest
        in_effect = loaded.digest
        while in_effect != wanted:
            in_effect = json.loads((await fetch(f"{operations}/-/config"))[1])["digest"]
    assert "configuration" not in {task.get_name() for task in asyncio.all_tasks()}


class Unasked:
    """A store that fails, or never answers."""

    dialect = "postgresql"

    def __init__(self, error):
        self._error = error

    async def fetch(self, sql):
        if self._error is None:
            await asyncio.Event().wait()
        raise self._error


@pytest.mark.parametrize(
    ("error", "said"), [(Failure("storage", "gone"), "gone"), (None, "no answer in 0.01 s")]
)
async def test_new_tables_want_a_store_that_says_it_has_them(monkeypatch, error, said):
    """What needs no new ones is taken into effect while the store is down."""
    monkeypatch.setattr(opening, "ASK_SECONDS", 0.01)
    wanted = Migrations("things", "models", "/nowhere")
    monkeypatch.setattr(opening, "plugin_migrations", lambda loaded: [wanted])
    with pytest.raises(Undecided, match=rf"the tables of things: {said}"):
        await opening._pending(Unasked(error), SimpleNamespace(migrations=[]), None)
    house = SimpleNamespace(migrations=[wanted])
    assert await opening._pending(Unasked(error), house, None) == ()


async def test_following_the_configuration_that_does_not_end_is_left_to_itself(monkeypatch):
    """A reload under way may be in the hands of a part that swallows its cancellation."""
    free = asyncio.Event()

    async def run(watcher):
        while not free.is_set():
            with suppress(asyncio.CancelledError):
                await free.wait()

    monkeypatch.setattr(opening.Watcher, "run", run)
    monkeypatch.setattr(opening, "WATCH_END_SECONDS", 0.01)
    reloading = SimpleNamespace(change=None, refuse=None)
    before = asyncio.all_tasks()
    async with asyncio.timeout(PATIENCE):
        async with opening._watching(None, SimpleNamespace(digest=""), reloading):
            await asyncio.sleep(0)
        (left,) = asyncio.all_tasks() - before
        free.set()
        await asyncio.wait([left])
