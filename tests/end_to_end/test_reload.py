"""A changed configuration takes effect live and whole, and no request in the meantime fails."""

import asyncio
import json
import signal
import time
from contextlib import asynccontextmanager

import aiohttp
import pytest

from caracal_core.cli.demo.token import make_key, sign
from caracal_core.testing.fakes.origin import Origin

WORKERS = 4
RICH = "100000"


@pytest.fixture
async def ask(session):
    """Ask a gateway, and return status and headers, once the body is here."""

    async def ask(gateway, path, **headers):
        async with session.get(
            gateway.url + path, headers=gateway.authorization | headers
        ) as reply:
            await reply.read()
            return reply.status, reply.headers

    return ask


@pytest.fixture
async def session():
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def loaded(ask):
    """Keep a gateway busy while the block runs; every call in it has to succeed."""

    @asynccontextmanager
    async def loaded(gateway):
        over = asyncio.Event()

        async def work(number):
            seen = []
            while not over.is_set():
                path = "/paid/load" if number % 2 else "/free/load"
                seen.append((await ask(gateway, path))[0])
            return seen

        tasks = [asyncio.create_task(work(number)) for number in range(WORKERS)]
        yield
        over.set()
        seen = [status for each in await asyncio.gather(*tasks) for status in each]
        assert seen
        assert set(seen) == {200}

    return loaded


async def digest(gateway):
    """Return the digest in effect; the metric has to agree."""
    _, text = await gateway.operator_sees("/-/config")
    shown = json.loads(text)["digest"]
    assert int(shown[:12], 16) == await gateway.metric("caracal_configuration_digest")
    return shown


@pytest.fixture
def change(until):
    """Change something, and wait until it is in effect."""

    async def change(gateway, how):
        before = await digest(gateway)
        how()

        async def in_effect():
            return (await gateway.operator_sees("/-/config"))[1].find(before) < 0

        await until(in_effect)
        assert await digest(gateway) != before

    return change


@pytest.fixture
def rewrite(change):
    """Change keys of the YAML file, and wait until they are in effect."""

    async def rewrite(gateway, **settings):
        gateway.settings |= settings
        await change(gateway, gateway.write)

    return rewrite


async def test_routes_policies_prices_and_upstreams_change_under_load(
    gateway, origin, ask, loaded, rewrite
):
    """Each change is whole: seen in the digest, the metric and the very next request."""
    one = await gateway(origin.url, budget=RICH)
    routes, (permit,) = one.settings["routes"], one.settings["policies"]
    extra = {"id": "extra", "path": "/extra/", "upstream": "u", "tariff": "flat"}
    both = permit | {"routes": [*permit["routes"], "extra"]}
    async with Origin() as other, loaded(one):
        assert (await ask(one, "/extra/x"))[0] == 404
        await rewrite(one, routes=[*routes, extra], policies=[both])
        status, headers = await ask(one, "/extra/x")
        assert (status, headers["X-Caracal-Cost"]) == (200, "0.25")
        await rewrite(one, tariffs={"flat": {"currency": "USD", "per_call": "0.5"}})
        assert (await ask(one, "/extra/x"))[1]["X-Caracal-Cost"] == "0.5"
        await rewrite(one, policies=[permit])
        assert (await ask(one, "/extra/x"))[0] == 403
        moved = {"u": {"url": other.url, "allow_private": True}}
        await rewrite(one, upstreams=moved, policies=[both])
        await ask(one, "/extra/there")
        assert "/extra/there" in [received.target for received in other.received]
        assert await one.metric("caracal_configuration_reloads_total") == 4
    await one.stop()
    assert await one.open_holds() == []


async def test_a_quick_row_of_changes_ends_at_the_last(gateway, origin, ask, loaded, until):
    """Whichever of them are seen, the last one stays, and no request fails meanwhile."""
    one = await gateway(origin.url, budget=RICH)
    async with loaded(one):
        for number in range(1, 41):
            one.settings["part_timeout"] = number
            one.write()
            await ask(one, "/free/x")

        async def settled():
            _, text = await one.operator_sees("/-/config")
            settings = {each["key"]: each["value"] for each in json.loads(text)["settings"]}
            return settings["part_timeout"] == 40

        await until(settled)


async def test_a_call_in_flight_keeps_the_terms_it_began_with(gateway, patient, rewrite, ask):
    """The generation that it walks through, its upstream's connections included, waits for it."""
    one = await gateway(patient.url)
    calling = asyncio.create_task(ask(one, "/paid/begun"))
    async with asyncio.timeout(30):
        while not patient.arrived:  # noqa: ASYNC110 - the upstream counts, and tells nobody
            await asyncio.sleep(0)
    dearer = {"flat": {"currency": "USD", "per_call": "0.5"}}
    elsewhere = {"u": {"url": "http://127.0.0.1:9", "allow_private": True}}
    (permit,) = one.settings["policies"]
    less = permit | {"routes": ["free"]}
    await rewrite(one, tariffs=dearer, policies=[less], upstreams=elsewhere)
    assert (await ask(one, "/paid/now"))[0] == 403
    patient.release.set()
    status, headers = await calling
    assert (status, headers["X-Caracal-Cost"]) == (200, "0.25")
    await one.stop()
    assert await one.entries() == [("posted", "0.25", "reply")]


async def test_a_rotated_key_of_the_issuer_refuses_the_old_tokens(gateway, origin, ask, rewrite):
    one = await gateway(origin.url)
    auth = one.settings["auth_jwt"]
    old, key = one.token, make_key(one.home / "new.pem")
    one.token = sign(key, "agent-1", auth["issuer"], auth["audience"])
    assert (await ask(one, "/free/x"))[0] == 401
    await rewrite(one, auth_jwt=auth | {"public_key_path": str(one.home / "new.pem")})
    assert (await ask(one, "/free/x"))[0] == 200
    one.token = old
    assert (await ask(one, "/free/x"))[0] == 401


async def test_a_mounted_configmap_is_swapped_under_load(
    gateway, origin, ask, loaded, change, mount
):
    """At WARNING an ordinary exchange leaves no line, at INFO it does."""
    mounted = mount(LOG_LEVEL="WARNING")
    environment = {"CARACAL_SETTINGS_DIR": str(mounted.directory)}
    one = await gateway(origin.url, budget=RICH, environment=environment)
    async with loaded(one):
        await ask(one, "/free/silent")
        await change(one, lambda: mounted.swap(LOG_LEVEL="INFO", REQUEST_TIMEOUT="7"))
        await ask(one, "/free/told")
        await change(one, lambda: mounted.swap(LOG_LEVEL="WARNING"))
        await ask(one, "/free/silent-again")
    _, text = await one.operator_sees("/-/config")
    shown = {each["key"]: each for each in json.loads(text)["settings"]}
    assert shown["log_level"]["value"] == "WARNING"
    assert str(mounted.directory) in shown["log_level"]["origin"]
    assert shown["request_timeout"]["origin"] == "default"
    await one.stop()
    paths = {story["path"] for story in one.stories}
    assert "/free/told" in paths
    assert not paths & {"/free/silent", "/free/silent-again"}


async def test_a_broken_change_is_told_and_changes_nothing_and_can_be_mended(
    gateway, origin, ask, loaded, until, rewrite
):
    """Refused by the parser, the reader, the schema, the wiring, a plugin that cannot open."""
    one = await gateway(origin.url, budget=RICH)
    good, before = dict(one.settings), await digest(one)
    broken = {
        "is not YAML": "\t",
        "caracal.yaml: does not exist": None,
        "Did you mean policies?": {"polices": []},
        "every request would be denied": {"policies": []},
        "/nowhere.pem": {"auth_jwt": good["auth_jwt"] | {"public_key_path": "/nowhere.pem"}},
    }
    async with loaded(one):
        for count, (said, change) in enumerate(broken.items(), 1):
            if change is None:
                one.config.unlink()
            elif isinstance(change, str):
                one.config.write_text(change)
            else:
                one.settings = good | change
                one.write()

            async def told(count=count, said=said):  # the log has a thread of its own
                name = "caracal_configuration_reload_failures_total"
                return await one.metric(name) == count and said in one.log

            await until(told)
            assert await digest(one) == before
            assert (await ask(one, "/paid/x"))[0] == 200
    assert one.log.count("the new configuration is not used, the old one stays") == len(broken)
    await rewrite(one, **good | {"tariffs": {"flat": {"currency": "USD", "per_call": "1"}}})
    assert (await ask(one, "/paid/x"))[1]["X-Caracal-Cost"] == "1"


@pytest.mark.parametrize("store", ["memory", "database"])
async def test_nonces_and_their_window_outlive_a_reload(gateway, origin, ask, rewrite, store):
    """A wider window would believe timestamps whose nonces were forgotten, so it has to wait."""
    one = await gateway(origin.url, replay={"store": store, "timestamp_window": 30})

    def said(nonce, age=0):
        return {"X-Caracal-Nonce": nonce, "X-Caracal-Timestamp": str(int(time.time()) - age)}

    assert (await ask(one, "/free/x", **said("once")))[0] == 200
    wider = {"store": store, "timestamp_window": 3000, "nonce_cache_size": 77}
    await rewrite(one, replay=wider, tariffs={"flat": {"currency": "USD", "per_call": "1"}})
    assert (await ask(one, "/paid/x"))[1]["X-Caracal-Cost"] == "1"
    assert (await ask(one, "/free/x", **said("once")))[0] == 409
    assert (await ask(one, "/free/x", **said("late", age=60)))[0] == 401
    assert (await ask(one, "/free/x", **said("fresh")))[0] == 200
    assert await one.metric("caracal_configuration_waiting") == 1
    _, text = await one.operator_sees("/-/config")
    shown = {each["key"]: each for each in json.loads(text)["settings"]}
    assert json.loads(text)["waiting"] == ["replay"]
    assert shown["replay.timestamp_window"]["value"] == 30
    assert shown["replay.timestamp_window"]["waiting"]["value"] == 3000
    assert "waiting" not in shown["tariffs.flat.per_call"]
    await one.stop()  # the log has a thread of its own
    assert "replay: the change waits for the next start" in one.log


async def test_what_waits_for_the_next_start_is_shown_beside_what_is_in_effect(
    gateway, origin, rewrite
):
    one = await gateway(origin.url)
    await rewrite(one, grace_timeout=7, part_timeout=4)
    _, text = await one.operator_sees("/-/config")
    shown = {each["key"]: each for each in json.loads(text)["settings"]}
    assert json.loads(text)["waiting"] == ["grace_timeout"]
    assert (shown["grace_timeout"]["value"], shown["grace_timeout"]["origin"]) == (30, "default")
    assert shown["grace_timeout"]["waiting"]["value"] == 7
    assert "caracal.yaml line" in shown["grace_timeout"]["waiting"]["origin"]
    assert shown["part_timeout"]["value"] == 4
    assert "waiting" not in shown["part_timeout"]
    await rewrite(one, grace_timeout=30)
    assert json.loads((await one.operator_sees("/-/config"))[1])["waiting"] == []


async def test_a_mode_with_tables_waits_for_a_store_that_is_down(
    gateway, origin, mortal_postgresql, storage_environment, ask, until, change, tmp_path
):
    """Its tables are asked for when the store is back, and by readiness from then on."""
    key = tmp_path / "hash.key"
    key.write_text("ab" * 32)
    with mortal_postgresql.database() as config:
        environment = {**storage_environment(config), "CARACAL_HASH_KEY_FILE": str(key)}
        one = await gateway(origin.url, environment=environment)
        before = await digest(one)

        async def refused(said):
            return said in one.log

        async def ready(expected, said):
            status, text = await one.operator_sees("/health/ready")
            return status == expected and said in text

        mortal_postgresql.stop()
        one.settings["auth_mode"] = "jwt,api_key"
        one.write()
        await until(lambda: refused("it cannot be asked whether it has the tables of auth_apikey"))
        assert await digest(one) == before
        mortal_postgresql.start()
        await until(lambda: refused("the schema lacks auth_apikey/"))
        await until(lambda: ready(200, '"fault":null'))
        assert await digest(one) == before
        one.caracal("db", "migrate", "up")
        await change(one, lambda: one.signal(signal.SIGHUP))
        assert (await ask(one, "/free/x"))[0] == 200
        one.caracal("db", "migrate", "down", "--app", "auth_apikey", "--yes")
        await until(lambda: ready(503, "the schema lacks auth_apikey/"))
        await one.stop()
