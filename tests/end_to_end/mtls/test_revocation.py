"""A revoked certificate proves nobody from the next request on, kept or resumed as may be."""

import asyncio
import json
import socket

import pytest

SPIFFE = "spiffe://corp.example/agent/agent-1"
PATIENCE_SECONDS = 20


@pytest.fixture
def ask(session):
    """Open a kept connection, and return what asks over it."""

    async def status(opened, gateway, **more):
        async with opened.get(f"{gateway.url}/free/x", **more) as reply:
            return reply.status

    return status


async def test_a_list_that_is_replaced_refuses_the_next_request_of_a_kept_connection(
    secured, secret, agents, client, session, connections, ask, until
):
    bad, good = agents.issue(SPIFFE), agents.issue(SPIFFE)
    files = secret(agents.revocation_list())
    one, mounted = await secured(files)
    async with session(client(bad), connections) as opened:
        assert await ask(opened, one) == 200
        mounted.swap(**files | secret(agents.revocation_list(bad)))

        async def refused():
            return await ask(opened, one) == 401

        await until(refused)
    assert connections.made == 1
    async with session(client(good)) as opened:
        assert await ask(opened, one) == 200


async def test_an_expired_list_refuses_everybody_and_readiness_tells(
    secured, secret, agents, client, session, ask, until
):
    """Tokens go on; and a renewed list mends it."""
    files = secret(agents.revocation_list())
    one, mounted = await secured(files)
    context = client(agents.issue(SPIFFE))
    async with session(context) as opened, session(client()) as other:
        assert await ask(opened, one) == 200
        for lists, status in (
            (agents.revocation_list(valid=(-60, -1)), 401),
            (agents.revocation_list(), 200),
        ):
            mounted.swap(**files | secret(lists))

            async def changed(status=status):
                return await ask(opened, one) == status

            await until(changed)
            assert await ask(other, one, headers=one.authorization) == 200

            async def told(ready=200 if status == 200 else 503):
                return (await one.operator_sees("/health/ready"))[0] == ready

            await until(told)
    await one.stop()  # the log has a thread of its own
    assert "a revocation list has expired" in one.log


def exchange(gateway, context, session=None):
    """Send one request over a connection; return its status, its session, and if it resumed."""
    raw = socket.create_connection(("127.0.0.1", gateway.port), PATIENCE_SECONDS)
    with raw, context.wrap_socket(raw, session=session) as tls:
        tls.sendall(b"GET /free/x HTTP/1.1\r\nHost: g\r\nConnection: close\r\n\r\n")
        received = b""
        while data := tls.recv(65_536):
            received += data
        return int(received.split()[1]), tls.session, tls.session_reused


async def test_a_resumed_session_does_not_carry_a_revoked_certificate(
    secured, secret, agents, client, until
):
    """TLS brings the certificate back from the ticket; the verdict is of this request."""
    bad = agents.issue(SPIFFE)
    files = secret(agents.revocation_list())
    one, mounted = await secured(files)
    context = client(bad)
    status, ticket, _ = await asyncio.to_thread(exchange, one, context)
    assert status == 200
    status, ticket, resumed = await asyncio.to_thread(exchange, one, context, ticket)
    assert (status, resumed) == (200, True)
    mounted.swap(**files | {"crl.pem": secret(agents.revocation_list(bad))["crl.pem"]})

    async def refused():
        nonlocal ticket
        status, ticket, resumed = await asyncio.to_thread(exchange, one, context, ticket)
        assert resumed
        return status == 401

    await until(refused)


async def test_a_twin_with_the_other_signature_is_revoked_with_it(
    secured, secret, agents, client, answer, tmp_path, until
):
    """Its holder makes it without the authority, and TLS proves it; its name is the same."""
    bad, good = agents.issue(SPIFFE), agents.issue(SPIFFE)
    (tmp_path / "bad.crt").write_bytes(bad.pem)
    one, _ = await secured(secret())
    for issued in (bad, bad.twin, good):
        assert await answer(one, client(issued)) == 200

    def run(*words):
        return asyncio.to_thread(one.caracal, *words)

    (shown,) = json.loads(await run("certs", "show", str(tmp_path / "bad.crt"), "--json"))
    named = ("--scheme", "mtls", "--credential", shown["credential"])
    await run("revocations", "add", *named)

    async def refused():
        return await answer(one, client(bad)) == 401

    await until(refused)
    assert await answer(one, client(bad.twin)) == 401
    assert await answer(one, client(good)) == 200


async def test_one_kind_of_refusal_for_all(secured, secret, agents, client, session):
    """Whoever guesses learns nothing: one body for revoked, unknown and misnamed (case 25)."""
    revoked = agents.issue(SPIFFE)
    unknown = agents.issue("spiffe://corp.example/agent/nobody")
    nameless = agents.issue()
    one, _ = await secured(secret(agents.revocation_list(revoked)))
    bodies = []
    for issued in (revoked, unknown, nameless):
        async with (
            session(client(issued)) as opened,
            opened.get(f"{one.url}/free/x") as reply,
        ):
            assert reply.status == 401
            assert reply.headers["WWW-Authenticate"].startswith("Bearer")
            problem = json.loads(await reply.read())
            bodies.append({k: v for k, v in problem.items() if k != "instance"})
    assert bodies[0] == bodies[1] == bodies[2]
