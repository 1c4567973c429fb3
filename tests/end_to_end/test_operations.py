"""What operators and their machines see of a gateway, and what nobody else does."""

import json
import socket
import time
from collections import Counter

import aiohttp
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

TOKEN = "the-operators-own-token"
PAGES = ("/health", "/health/live", "/health/ready", "/metrics", "/-/config", "/-/plugins")
GUARDED = ("/-/config", "/-/plugins", "/-/nothing")


@pytest.fixture
async def session():
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def call(session):
    """Ask on the agents' port; return the status."""

    async def call(gateway, path, **headers):
        async with session.get(
            gateway.url + path, headers=gateway.authorization | headers
        ) as reply:
            await reply.read()
            return reply.status

    return call


@pytest.fixture
def look(session):
    """Ask on the operations port; return status, headers and text."""

    async def look(url, method="GET", **headers):
        async with session.request(method, url, headers=headers) as reply:
            return reply.status, reply.headers, await reply.text()

    return look


async def settings(gateway):
    _, text = await gateway.operator_sees("/-/config")
    return {each["key"]: each for each in json.loads(text)["settings"]}


async def test_a_store_that_cannot_be_written_is_told_by_readiness_until_it_can(
    gateway, origin, call, until
):
    """No file may grow, as on a full disk; what was written before can still be read."""
    one = await gateway(origin.url)

    async def says(status, said):
        found, text = await one.operator_sees("/health/ready")
        return found == status and said in text

    await until(lambda: says(200, '"ready":true'))
    process = psutil.Process(one.pid)
    before = process.rlimit(psutil.RLIMIT_FSIZE)
    process.rlimit(psutil.RLIMIT_FSIZE, (0, before[1]))
    await until(lambda: says(503, "the database cannot be written: SQLite: "))
    assert await call(one, "/health") == 503
    process.rlimit(psutil.RLIMIT_FSIZE, before)
    await until(lambda: says(200, '"ready":true'))
    assert await call(one, "/paid/x") == 200


async def test_liveness_outlives_the_database_and_readiness_tells_of_it(
    gateway, origin, call, until, mortal_postgresql, storage_environment
):
    """A restart would mend nothing; a gateway that cannot hold money takes no requests."""
    with mortal_postgresql.database() as config:
        environment = storage_environment(config) | {"DB_POOL_TIMEOUT": "1"}
        one = await gateway(origin.url, environment=environment, part_timeout=1)

        async def health(path):
            return (await one.operator_sees(path))[0]

        async def ready():
            return await health("/health/ready") == 200

        async def unready():
            return await health("/health/ready") == 503

        await until(ready)
        assert await call(one, "/paid/x") == 200
        mortal_postgresql.kill()
        await until(unready)
        _, text = await one.operator_sees("/health/ready")
        faults = {each["name"]: each["fault"] for each in json.loads(text)["checks"]}
        assert faults["database"].startswith("the database cannot be asked")
        assert config.password.get_secret_value() not in text
        assert [await health("/health/live"), await health("/metrics")] == [200, 200]
        assert await call(one, "/health") == 503
        assert await call(one, "/paid/x") == 503
        mortal_postgresql.start()
        await until(ready)
        assert await call(one, "/paid/x") == 200
        password = (await settings(one))["database.password"]
        assert password["origin"] == "environment DB_PASSWORD"
        assert config.password.get_secret_value() not in str(await settings(one)) + one.log
        await one.stop()
        assert await one.open_holds() == []
        assert Counter(await one.entries())["posted", "0.25", "reply"] == 2


async def test_metrics_parse_and_name_nobody(gateway, origin, call):
    """Whatever clients send: labels are few, and none of them is a client's choice."""
    one = await gateway(origin.url)
    secrets = ["agent-1", "my-own-nonce", one.token, "private-path", "my-request-id"]
    once = {"X-Caracal-Nonce": "my-own-nonce", "X-Caracal-Timestamp": str(int(time.time()))}
    seen = [
        await call(one, "/paid/private-path", **once),
        await call(one, "/paid/private-path", **once),
        await call(one, "/private-path", **{"X-Request-ID": "my-request-id"}),
        await call(one, "/free/x", Authorization="Bearer agent-1.private-path"),
    ]
    assert seen == [200, 409, 404, 401]
    status, text = await one.operator_sees("/metrics")
    assert status == 200
    assert [each for each in secrets if each in text] == []
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert all(name.startswith(("caracal_", "process_", "python_")) for name in families)
    assert all(family.documentation for family in families.values())
    codes = {
        (sample.labels["status"], sample.labels["code"]): sample.value
        for sample in families["caracal_requests"].samples
    }
    assert codes == {
        ("2xx", ""): 1,
        ("4xx", "replayed"): 1,
        ("4xx", "no_route"): 1,
        ("4xx", "unauthenticated"): 1,
    }
    assert sum(sample.value for sample in families["caracal_charged_micro"].samples) == 250_000


async def test_the_configuration_shows_where_values_came_from_and_no_secret(
    gateway, origin, mount, look
):
    mounted = mount(NONCE_CACHE_TTL="400", TIMESTAMP_WINDOW="200")
    one = await gateway(
        origin.url,
        environment={"CARACAL_SETTINGS_DIR": str(mounted.directory), "TIMESTAMP_WINDOW": "250"},
        upstream_keys={"headers": {"Authorization": "Bearer sk-hunter2"}},
    )
    shown = await settings(one)
    origins = {
        "replay.nonce_cache_ttl": (400, str(mounted.path("NONCE_CACHE_TTL"))),
        "replay.timestamp_window": (250, "environment TIMESTAMP_WINDOW"),
        "auth_mode": (["jwt"], f"{one.config} line "),
        "settle_timeout": (10, "default"),
    }
    for key, (value, origin_) in origins.items():
        assert (shown[key]["value"], origin_ in shown[key]["origin"]) == (value, True), key
    _, headers, text = await look(f"{one.operations}/-/config")
    assert "hunter2" not in text + one.log
    assert headers["Cache-Control"] == "no-store"
    printed = json.loads(one.caracal("config", "show", "--json"))
    assert {each["key"]: each for each in printed} == shown


async def test_pages_can_only_be_read(gateway, origin, look):
    one = await gateway(origin.url)
    for page in PAGES:
        for method in ("PUT", "POST", "DELETE"):
            status, headers, _ = await look(one.operations + page, method)
            assert (status, headers["Allow"]) == (405, "GET, HEAD"), (page, method)
        assert (await look(one.operations + page, "HEAD"))[0] == 200
    assert (await look(f"{one.operations}/-/nothing"))[0] == 404
    plugins = json.loads((await look(f"{one.operations}/-/plugins"))[2])
    assert plugins == json.loads(one.caracal("plugins", "--json"))


@pytest.fixture
def address():
    """An address of this machine that is not a loopback one."""
    for addresses in psutil.net_if_addrs().values():
        for each in addresses:
            if each.family is socket.AF_INET and not each.address.startswith("127."):
                return each.address
    pytest.skip("this machine has no address but loopback ones")


@pytest.fixture
def everywhere(gateway, origin):
    """A gateway whose operations port listens on all addresses."""

    async def start(**operations):
        return await gateway(origin.url, operations={"listen": "0.0.0.0:0"} | operations)

    return start


def seen_from(gateway, address):
    return f"http://{address}:{gateway.operations.rpartition(':')[2]}"


async def test_without_a_token_only_this_machine_looks_behind_the_walls(everywhere, address, look):
    one = await everywhere()
    for page in GUARDED:
        for headers in ({}, {"Authorization": f"Bearer {TOKEN}"}):
            status, _, text = await look(seen_from(one, address) + page, **headers)
            assert (status, json.loads(text)["code"]) == (403, "denied"), page
    for page in set(PAGES) - set(GUARDED):
        assert (await look(seen_from(one, address) + page))[0] == 200, page
    assert (await look(f"{seen_from(one, '127.0.0.2')}/-/config"))[0] == 200


async def test_a_neighbour_that_hides_who_asks_is_not_this_machine(everywhere, look):
    """A proxy beside the gateway, or a browser that was led here under a foreign name."""
    one = await everywhere()
    url = f"{seen_from(one, '127.0.0.1')}/-/config"
    for headers in ({"X-Forwarded-For": "127.0.0.1"}, {"Host": "rebound.example"}):
        assert (await look(url, **headers))[0] == 403, headers
    assert (await look(url))[0] == 200


async def test_a_token_opens_the_pages_and_a_rotated_one_counts_at_once(
    everywhere, address, look, tmp_path
):
    file = tmp_path / "operations-token"
    file.write_text(f"{TOKEN}\n")
    one = await everywhere(token_file=str(file))
    url = f"{seen_from(one, address)}/-/config"
    for shown in (None, "Bearer wrong", "Bearer", "Basic " + TOKEN):
        headers = {"Authorization": shown} if shown else {}
        status, told, text = await look(url, **headers)
        assert (status, json.loads(text)["code"]) == (401, "unauthenticated"), shown
        assert told["WWW-Authenticate"].startswith("Bearer ")
    assert (await look(url, Authorization=f"Bearer {TOKEN}"))[0] == 200
    assert (await look(url, "PUT", Authorization=f"Bearer {TOKEN}"))[0] == 405
    file.write_text("another-token")
    assert (await look(url, Authorization=f"Bearer {TOKEN}"))[0] == 401
    assert (await look(url, Authorization="Bearer another-token"))[0] == 200
    file.unlink()
    assert (await look(url, Authorization="Bearer another-token"))[0] == 401
    assert (await look(url, Authorization="Bearer "))[0] == 401
    assert TOKEN not in one.log
