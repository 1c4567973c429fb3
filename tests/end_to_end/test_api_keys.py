"""API keys and whole gateways: issued, limited, revoked everywhere, written down nowhere."""

import asyncio
import stat

import aiohttp
import pytest
from aiohttp import web

from caracal_core.storage.database import open_database

AGENT = "agent-1"
REVOKED_SECONDS = 5.0


class Seen:
    """An upstream that keeps the fields it got."""

    def __init__(self):
        self.fields = []

    async def answer(self, request):
        self.fields.append(dict(request.headers))
        return web.Response(text="ok")


@pytest.fixture
async def upstream(site):
    seen = Seen()
    seen.url = await site(web.route("*", "/{path:.*}", seen.answer))
    return seen


@pytest.fixture
def settings(postgres_config, storage_environment, tmp_path):
    """What gateways on one PostgreSQL have in common."""
    keys = tmp_path / "hash.key"
    keys.write_text("ab" * 32)
    environment = storage_environment(postgres_config)
    return {
        "environment": {**environment, "CARACAL_HASH_KEY_FILE": str(keys)},
        "auth_mode": "api_key",
        "log_level": "DEBUG",
    }


@pytest.fixture
async def one(gateway, upstream, settings):
    """A migrated gateway on PostgreSQL."""
    made = await gateway(upstream.url, start=False, **settings)
    made.caracal("db", "migrate", "up")
    await made.start()
    return made


@pytest.fixture
async def other(gateway, upstream, settings, one, tmp_path):
    """Another one, in a process of its own, on the same database."""
    home = tmp_path / "other"
    home.mkdir()
    return await gateway(upstream.url, budget=None, home=home, **settings)


@pytest.fixture
async def embedded(gateway, upstream):
    """A gateway on its own store, which it migrates itself."""
    return await gateway(upstream.url, auth_mode="api_key")


async def status(gateway, path="/free/x", **headers):
    """Return the status of one call."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    async with (
        aiohttp.ClientSession() as session,
        session.get(gateway.url + path, headers=names) as reply,
    ):
        await reply.read()
        return reply.status


class Kept:
    """A client that keeps its one connection.

    Attributes:
        connections: how many it made.
    """

    def __init__(self, gateway, key):
        trace = aiohttp.TraceConfig()
        trace.on_connection_create_end.append(self._count)
        self.connections = 0
        self.session = aiohttp.ClientSession(
            gateway.url, headers={"X-API-Key": key}, trace_configs=[trace]
        )

    async def _count(self, *_):
        self.connections += 1

    async def status(self):
        async with self.session.get("/free/x") as reply:
            await reply.read()
            return reply.status


async def test_a_key_revoked_at_one_gateway_is_refused_by_another_on_kept_connections(one, other):
    """Within 5 seconds of the command's end; other keys of the agent stay good."""
    keys = [one.caracal("keys", "issue", AGENT).strip() for _ in range(2)]
    clients = [Kept(gateway, keys[0]) for gateway in (one, other)]
    try:
        assert [await client.status() for client in clients] == [200, 200]
        (revoked,) = {row["id"] for row in one.listed("keys", "list")} & {keys[0].split("_")[1]}
        await asyncio.to_thread(one.caracal, "keys", "revoke", revoked)
        async with asyncio.timeout(REVOKED_SECONDS):
            for client in clients:
                while await client.status() != 401:
                    pass
        assert [client.connections for client in clients] == [1, 1]
        assert [await status(each, x_api_key=keys[1]) for each in (one, other)] == [200, 200]
    finally:
        for client in clients:
            await client.session.close()


async def dumped(storage):
    """Return every row of every table as text."""
    async with open_database(storage) as database:
        tables = await database.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        rows = [
            row["text"]
            for table in tables
            for row in await database.fetch(
                f"SELECT CAST(t AS text) AS text FROM {table['tablename']} t"  # noqa: S608 - the catalogue's
            )
        ]
    return "\n".join(rows)


async def hide_table(one, old, new):
    async with open_database(one.storage) as database:
        await database.execute(f"ALTER TABLE {old} RENAME TO {new}")


async def test_no_key_is_written_down_anywhere(one, upstream, until):
    """Whatever became of it: in the database, in logs at DEBUG, in metrics, at the upstream."""
    good, limited, revoked, failed = (
        one.caracal("keys", "issue", AGENT, *words).strip()
        for words in ([], ["--route", "paid"], [], [])
    )
    one.caracal("keys", "revoke", revoked.split("_")[1])
    answers = [
        await status(one, x_api_key=good),
        await status(one, authorization=f"Bearer {good}"),
        await status(one, authorization=f"ApiKey {good}"),
        await status(one, x_api_key=limited),
        await status(one, "/paid/x", x_api_key=limited),
        await status(one, x_api_key=revoked),
        await status(one, x_api_key=good[:-1] + "x"),
        await status(one, x_api_key=good, authorization=f"Bearer {good}"),
        await status(one, f"/free/x?api_key={good}"),
        await status(one, x_api_key=good * 150),
    ]
    assert answers == [200, 200, 200, 403, 200, 401, 401, 400, 400, 401]
    await hide_table(one, "api_keys", "hidden")
    assert await status(one, x_api_key=failed) == 503
    await hide_table(one, "hidden", "api_keys")
    assert await status(one, x_api_key=failed) == 200

    async def used():
        return all(row["last_used_at"] for row in one.listed("keys", "list", "--agent", AGENT)[:2])

    await until(used)
    pages = [await one.operator_sees(path) for path in ("/metrics", "/-/config", "/-/plugins")]
    await one.stop()
    assert len(one.stories) == 12
    written = "\n".join(
        [await dumped(one.storage), one.log, repr(one.stories), repr(pages), repr(upstream.fields)]
    )
    assert good.split("_")[1] in written, "the id is there, so the right places were looked at"
    for key in (good, limited, revoked, failed):
        assert key[20:72] not in written


async def test_the_embedded_store_makes_its_hash_key_at_the_first_run(embedded):
    path = embedded.home / "data" / "hash.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    key = embedded.caracal("keys", "issue", AGENT).strip()
    assert await status(embedded, x_api_key=key) == 200
    embedded.caracal("agents", "disable", AGENT)
    async with asyncio.timeout(REVOKED_SECONDS):
        while await status(embedded, x_api_key=key) != 401:
            pass


async def test_beside_postgresql_a_start_without_hash_keys_is_refused(gateway, upstream, settings):
    """It says which key is missing, and how to make one."""
    environment = {**settings["environment"], "CARACAL_HASH_KEY_FILE": ""}
    made = await gateway(upstream.url, start=False, **settings | {"environment": environment})
    made.caracal("db", "migrate", "up")
    told = await asyncio.to_thread(made.command, "serve")
    assert told.returncode == 2
    assert "CARACAL_HASH_KEY_FILE" in told.stderr
    assert "openssl rand -hex 32" in told.stderr


async def test_in_a_chain_a_token_and_a_key_each_prove_and_not_together(gateway, upstream):
    """AUTH_MODE names both; every challenge is listed."""
    made = await gateway(upstream.url, auth_mode="jwt,api_key")
    key, token = made.caracal("keys", "issue", AGENT).strip(), made.authorization["Authorization"]
    assert await status(made, x_api_key=key) == 200
    assert await status(made, authorization=token) == 200
    assert await status(made, authorization=f"ApiKey {key}") == 200
    assert await status(made, authorization=token, x_api_key=key) == 400
    async with aiohttp.ClientSession() as session, session.get(made.url + "/free/x") as reply:
        challenges = reply.headers.getall("WWW-Authenticate")
    assert {challenge.split()[0] for challenge in challenges} == {"Bearer", "ApiKey"}
