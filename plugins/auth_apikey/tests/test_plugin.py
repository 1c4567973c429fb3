"""The plugin as the house meets it: pure until it is opened, and tending its keys while open."""

import asyncio
import logging

import pytest

from caracal_auth_apikey import plugin as module
from caracal_auth_apikey.administration import Limits
from caracal_auth_apikey.config import ApiKeyConfig
from caracal_auth_apikey.plugin import ApiKeyPlugin
from caracal_core import following
from caracal_core.assembly.discovery import discover
from caracal_core.config.core import Selection
from caracal_core.domain import HashKey
from caracal_core.errors import Failure, Misconfigured, Unauthenticated
from caracal_core.testing.contracts import PluginContract
from caracal_core.testing.fakes import (
    FakeHashKeys,
    FakeMetrics,
    TrivialDirectory,
    TrivialPolicy,
    a_request,
    a_services,
)
from caracal_core.testing.rehearsal import Rehearsal

OTHER = HashKey(b"2" * 32)


class TestContract(PluginContract):
    """The plugin owes what every plugin owes."""

    @pytest.fixture
    def plugin_class(self):
        return ApiKeyPlugin

    @pytest.fixture
    def config(self):
        return {"fresh_seconds": 1, "remembered_keys": 100, "last_used": "day"}

    @pytest.fixture
    def bad_configs(self):
        return [{"fresh_seconds": 60}, {"last_used": "each-time"}, {"remembered_keys": 0}]

    @pytest.fixture
    def services(self, database):
        return a_services(database=database)

    @pytest.fixture
    def entry_point(self):
        return "auth_apikey"


def a_plugin(**config):
    return ApiKeyPlugin(ApiKeyConfig(**config))


@pytest.fixture
def services(desk):
    return a_services(database=desk.database, hash_keys=desk.hash_keys, clock=desk.clock)


async def until(condition):
    """Wait for what the plugin's own task does; fail where it takes too long."""
    async with asyncio.timeout(20):
        while not await condition():  # noqa: ASYNC110 - the plugin sets no event
            await asyncio.sleep(0.01)


def test_auth_mode_api_key_finds_it():
    """Whatever the underscore in the mode's name."""
    for mode in ("api_key", "apikey"):
        assert discover(Selection(auth_mode=(mode,)))[0].plugin_class is ApiKeyPlugin


async def test_building_it_touches_nothing(services):
    """The constructor and the hooks are pure: missing keys are found on opening, not before."""
    services.hash_keys.keys = ()
    plugin = a_plugin()
    (authenticator,) = plugin.authenticators(services)
    assert (authenticator.scheme, authenticator.headers) == (
        "api_key",
        {"x-api-key", "authorization"},
    )
    with pytest.raises(Misconfigured, match="CARACAL_HASH_KEY_FILE"):
        async with plugin.lifespan(services):
            pass


def test_it_is_not_late_that_uses_are_written():
    """A kill loses so many seconds of them."""
    assert module.WRITE_SECONDS <= 2.5


async def test_the_file_of_hash_keys_is_read_before_anything_is_opened(services):
    """The operator hears of it with all other files."""
    (reader,) = a_plugin().files(services)
    assert await reader.read()
    services.hash_keys.keys = ()
    with pytest.raises(Misconfigured):
        await reader.read()


async def test_uses_are_written_while_it_serves(services, desk, monkeypatch):
    monkeypatch.setattr(module, "WRITE_SECONDS", 0.005)
    monkeypatch.setattr(following, "SECONDS", 0.005)
    key, plugin = await desk.issue(), a_plugin()
    (authenticator,) = plugin.authenticators(services)

    async def recorded():
        return (await desk.row(key.id))["last_used_at"] is not None

    async with plugin.lifespan(services):
        assert not await recorded()
        await desk.show(key.text, authenticator)
        await until(recorded)


async def test_uses_that_wait_are_written_when_it_closes(services, desk):
    key, plugin = await desk.issue(), a_plugin()
    (authenticator,) = plugin.authenticators(services)
    async with plugin.lifespan(services):
        await desk.show(key.text, authenticator)
    assert (await desk.row(key.id))["last_used_at"] is not None


async def test_rotated_hash_keys_are_taken_up_while_it_serves(services, desk, monkeypatch):
    """Without a restart keys are hashed anew as they are used."""
    monkeypatch.setattr(module, "WRITE_SECONDS", 0.005)
    monkeypatch.setattr(following, "SECONDS", 0.005)
    key, plugin = await desk.issue(), a_plugin(fresh_seconds=0)
    (authenticator,) = plugin.authenticators(services)

    async def rehashed():
        await desk.show(key.text, authenticator)
        return (await desk.row(key.id))["hash_key"] == OTHER.id

    async with plugin.lifespan(services):
        desk.hash_keys.keys = (OTHER, desk.hash_key)
        await until(rehashed)
        desk.hash_keys.keys = (OTHER,)
        await until(rehashed)


@pytest.mark.parametrize("error", [Failure("test", "down"), ZeroDivisionError("secret")])
async def test_a_store_that_is_down_ends_no_tending(services, desk, monkeypatch, caplog, error):
    monkeypatch.setattr(module, "WRITE_SECONDS", 0.005)
    monkeypatch.setattr(following, "SECONDS", 0.005)
    key, plugin = await desk.issue(), a_plugin()
    (authenticator,) = plugin.authenticators(services)

    async def told():
        return "API keys" in caplog.text

    async def recorded():
        return (await desk.row(key.id))["last_used_at"] is not None

    with caplog.at_level(logging.WARNING):
        async with plugin.lifespan(services):
            await desk.show(key.text, authenticator)
            desk.database.down = error
            await until(told)
            desk.database.down = None
            await until(recorded)
    assert "secret" not in caplog.text


async def test_closing_it_leaves_no_task_and_does_not_wait_for_ever(services, desk, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.01)
    key, plugin = await desk.issue(), a_plugin()
    (authenticator,) = plugin.authenticators(services)
    before = asyncio.all_tasks()
    monkeypatch.setattr(desk.database, "execute", lambda *_: asyncio.Event().wait())
    async with asyncio.timeout(20):
        async with plugin.lifespan(services):
            assert len(asyncio.all_tasks() - before) == 2
            await desk.show(key.text, authenticator)
    assert asyncio.all_tasks() == before


async def test_a_broken_file_of_hash_keys_shows_in_a_gauge(desk, monkeypatch):
    monkeypatch.setattr(module, "WRITE_SECONDS", 0.005)
    monkeypatch.setattr(following, "SECONDS", 0.005)
    metrics, keys = FakeMetrics(), FakeHashKeys()

    async def broken():
        return metrics.read("hash_key_file_broken") == 1

    services = a_services(database=desk.database, metrics=metrics, hash_keys=keys)
    async with a_plugin().lifespan(services):
        assert metrics.read("hash_key_file_broken") == 0
        keys.keys = ()
        await until(broken)


@pytest.mark.parametrize(
    ("limits", "status"),
    [
        (Limits(), 200),
        (Limits(routes=("test-*",), methods=("GET",)), 200),
        (Limits(routes=("other",)), 403),
        (Limits(methods=("POST",)), 403),
        (Limits(cidrs=("192.0.2.0/24",)), 401),
    ],
)
async def test_a_request_walks_the_corridor_within_the_limits_of_its_key(
    services, desk, limits, status
):
    """Expiry and networks are 401, the scope of a good key is 403."""
    key, plugin = await desk.issue(limits=limits), a_plugin()
    async with (
        plugin.lifespan(services),
        Rehearsal(
            authenticators=plugin.authenticators(services),
            policies=[*plugin.policies(services), TrivialPolicy()],
            directory=TrivialDirectory(),
        ) as rehearsal,
    ):
        reply = await rehearsal.call(a_request(headers={"x-api-key": key.text}))
    assert reply.status == status


async def test_a_key_alone_permits_nothing(services, desk):
    (policy,) = a_plugin().policies(services)
    key, plugin = await desk.issue(limits=Limits(routes=("test-*",))), a_plugin()
    async with (
        plugin.lifespan(services),
        Rehearsal(
            authenticators=plugin.authenticators(services),
            policies=[policy],
            directory=TrivialDirectory(),
        ) as rehearsal,
    ):
        reply = await rehearsal.call(a_request(headers={"x-api-key": key.text}))
    assert reply.status == 403


async def test_every_setting_reaches_its_part(services, desk):
    plugin = a_plugin(fresh_seconds=0, remembered_keys=10, last_used="off")
    (authenticator,) = plugin.authenticators(services)
    keys = [await desk.issue() for _ in range(11)]
    async with plugin.lifespan(services):
        for key in keys:
            await desk.show(key.text, authenticator)
        assert len(authenticator._lookup._recent._good) == 10
        await desk.database.execute("UPDATE api_keys SET revoked_at = 1")
        with pytest.raises(Unauthenticated):
            await desk.show(keys[0].text, authenticator)
    assert (await desk.row(keys[0].id))["last_used_at"] is None
