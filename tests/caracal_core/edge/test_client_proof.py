"""Who proved a client's certificate is known on full handshakes and on resumed ones, within bounds.

Every test runs on asyncio's loop and on uvloop, which have different TLS.
"""

import asyncio
import socket
import ssl
from contextlib import asynccontextmanager

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from caracal_core.edge import client_proof
from caracal_core.edge.client_proof import ProvingContext
from caracal_core.edge.inbound import describe_connection

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
PATIENCE_SECONDS = 10


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request):
    """Run a coroutine on one of the two loops."""
    return request.param


@pytest.fixture
def context(authority, tmp_path):
    """A server's context that asks for certificates of the authority."""
    context = ProvingContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue(tmp_path, "server", "server"))
    context.load_verify_locations(cadata=authority.pem.decode())
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


@pytest.fixture
def client(authority, tmp_path):
    """Make a client's context, with a certificate of this name or without one."""

    def client(name=None, version=ssl.TLSVersion.TLSv1_3):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.maximum_version = version
        if name:
            context.load_cert_chain(*authority.issue(tmp_path, name, name))
        return context

    return client


@asynccontextmanager
async def serving(context, described):
    """Serve; what the server knows of each connection is put into the list."""

    class Describer(asyncio.Protocol):
        def connection_made(self, transport):
            described.append(describe_connection(transport))
            transport.write(b"done")
            transport.close()

    loop = asyncio.get_running_loop()
    server = await loop.create_server(Describer, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def call(port, context, session=None):
    """Connect once; return the session, and whether it was resumed."""

    def connect():
        raw = socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS)
        with raw, context.wrap_socket(raw, session=session) as tls:
            while tls.recv(100):
                """Read to the end, so that the session's ticket comes too."""
            return tls.session, tls.session_reused

    return await asyncio.to_thread(connect)


def der(pem):
    return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.name)
def test_a_resumed_session_is_proved_by_what_proved_it_first(
    run, context, client, authority, version
):
    async def test():
        described, ours = [], client("agent-7", version)
        async with serving(context, described) as port:
            session, resumed = await call(port, ours)
            assert not resumed
            assert (await call(port, ours, session))[1], "nothing was resumed"
        first, second = described
        assert first == second
        assert first.certificate is not None
        assert first.issuers == (der(authority.pem),)

    run(test())


def test_a_client_without_a_certificate_is_proved_by_nobody(run, context, client):
    async def test():
        described = []
        async with serving(context, described) as port:
            await call(port, client())
        assert [(one.tls, one.certificate, one.issuers) for one in described] == [(True, None, ())]

    run(test())


def test_a_full_memory_forgets_the_oldest_and_proves_it_by_nobody(
    run, context, client, monkeypatch
):
    """Who judges the certificate then has to refuse it: what is not proved is not believed."""
    monkeypatch.setattr(client_proof, "REMEMBERED_MAX", 1)

    async def test():
        described, old, new = [], client("old"), client("new")
        async with serving(context, described) as port:
            session, _ = await call(port, old)
            await call(port, new)
            assert (await call(port, old, session))[1], "nothing was resumed"
        assert [len(one.issuers) for one in described] == [1, 1, 0]

    run(test())
