"""Certificates, authorities and the mode itself change under load, and no request fails."""

import asyncio
import ssl
from contextlib import asynccontextmanager

import pytest

SPIFFE = "spiffe://corp.example/agent/agent-1"
WORKERS = 2


@pytest.fixture
def loaded(session):
    """Keep kept and fresh connections of a client busy; every call has to succeed."""

    @asynccontextmanager
    async def loaded(gateway, context, headers=None):
        over = asyncio.Event()
        seen = []

        async def call(opened):
            async with opened.get(f"{gateway.url}/free/load", headers=headers) as reply:
                await reply.read()
                seen.append(reply.status)

        async def fresh():
            while not over.is_set():
                async with session(context) as opened:
                    await call(opened)

        async def kept():
            async with session(context) as opened:
                while not over.is_set():
                    await call(opened)

        tasks = [asyncio.create_task(kind()) for kind in (fresh, kept) for _ in range(WORKERS)]
        yield
        over.set()
        await asyncio.gather(*tasks)
        assert len(seen) > WORKERS
        assert set(seen) == {200}

    return loaded


async def shown(gateway):
    """Return the certificate that a new connection is shown."""
    context = ssl._create_unverified_context()  # noqa: S323 - only looked at
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.port, ssl=context)
    found = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    await writer.wait_closed()
    return ssl.DER_cert_to_PEM_cert(found)


@pytest.fixture
def rotate(until):
    """Swap the Secret, and wait until its certificate is what a new connection is shown."""

    async def rotate(gateway, mounted, files):
        mounted.swap(**files)

        async def taken_up():
            return await shown(gateway) == files["server.crt"].decode()

        await until(taken_up)

    return rotate


async def test_servers_and_authorities_rotate_under_load(
    secured, secret, agents, servers, make_authority, client, loaded, rotate, session
):
    """Old authority, both, and the new one alone: agents change over while both are believed."""
    successor, others = make_authority("Successor"), make_authority("Other servers")
    one, mounted = await secured(secret())
    trusting = (servers, others)
    old = client(agents.issue(SPIFFE), trusting=trusting)
    new = client(successor.issue(SPIFFE), trusting=trusting)
    async with session(old) as left_behind:
        async with left_behind.get(f"{one.url}/free/x") as reply:
            assert reply.status == 200
        async with loaded(one, old):
            await rotate(one, mounted, secret())
            await rotate(one, mounted, secret(believed=[agents, successor], by=others))
            async with loaded(one, new):
                await rotate(one, mounted, secret(believed=[agents, successor]))
        async with loaded(one, new):
            await rotate(one, mounted, secret(believed=[successor]))
            async with left_behind.get(f"{one.url}/free/x") as reply:
                assert reply.status == 401, "its authority is believed no more"
    assert "Traceback" not in one.log


async def test_a_renewed_authority_disturbs_nobody(
    secured, secret, agents, make_authority, client, loaded, rotate, session
):
    """The same key with a new certificate: kept connections go on, intermediates too."""
    between = make_authority("Between", above=agents)
    renewed = make_authority("Agents", key=agents.own.key)
    one, mounted = await secured(secret())
    context = client(between.issue(SPIFFE), between.own)
    async with loaded(one, context):
        await rotate(one, mounted, secret(believed=[renewed]))


async def test_the_mode_changes_live(
    secured, secret, agents, client, loaded, session, until, tmp_path, answer
):
    """From jwt to mtls,jwt in the mounted settings: no restart, and no dropped request."""
    one, mounted = await secured(secret(), mode="jwt", start=False)
    settings = type(mounted)(tmp_path / "settings", AUTH_MODE="jwt")
    one.environment["CARACAL_SETTINGS_DIR"] = str(settings.directory)
    del one.settings["auth_mode"]
    one.write()
    await one.start()
    context = client(agents.issue(SPIFFE))
    assert await answer(one, context) == 401
    async with loaded(one, client(), one.authorization), session(context) as before:
        async with before.get(f"{one.url}/free/x", headers=one.authorization) as reply:
            assert reply.status == 200
        settings.swap(AUTH_MODE="mtls,jwt")

        async def in_effect():
            return await answer(one, context) == 200

        await until(in_effect)
        async with before.get(f"{one.url}/free/x") as reply:
            assert reply.status == 200, "the connection of before shows its certificate too"
    assert "Traceback" not in one.log


@pytest.mark.parametrize("missing", ["authority", "tls"])
async def test_without_a_way_to_ask_for_certificates_the_start_is_refused(secured, secret, missing):
    files = secret()
    one, mounted = await secured(files, start=False)
    if missing == "tls":
        one.settings["tls"] = {"mode": "off"}
        one.write()
    else:
        del files["ca.crt"]
        mounted.swap(**files)
    for command in ("check", "serve"):
        done = await asyncio.to_thread(one.command, command)
        assert done.returncode == 2
        assert "asks nobody for a certificate" in done.stderr
        assert "TLS_CA_FILE" in done.stderr
