"""A gateway that proves agents by certificates, in a process of its own, and its clients."""

import ssl
import subprocess
import time
from contextlib import asynccontextmanager

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from caracal_core.testing.fakes import FakeAuthority, Issued

AGENT = "agent-1"
SPIFFE = f"spiffe://corp.example/agent/{AGENT}"
ANY_STRENGTH = "ALL:@SECLEVEL=0"


def authority(name, **more):
    return FakeAuthority(name, now=time.time(), **more)


@pytest.fixture
def make_authority():
    return authority


@pytest.fixture
def agents():
    """The authority of agents."""
    return authority("Agents")


@pytest.fixture
def servers():
    """The authority of the gateway's own certificate."""
    return authority("Servers")


@pytest.fixture
def secret(agents, servers):
    """Return what the Secret holds: a fresh pair for the server, authorities, and lists."""

    def secret(*lists, believed=(agents,), by=servers):
        pair = by.issue(cn="gateway", purposes=[ExtendedKeyUsageOID.SERVER_AUTH])
        crl = b"".join(each.public_bytes(Encoding.PEM) for each in lists)
        files = {"crl.pem": crl} if lists else {}
        return files | {
            "server.crt": pair.pem,
            "server.key": pair.key_pem,
            "ca.crt": b"".join(each.own.pem for each in believed),
        }

    return secret


@pytest.fixture
def secured(gateway, origin, mount):
    """Start a gateway with a Secret that holds these files; return it and its mount."""

    async def secured(files, *, mode="mtls,jwt", more=(), start=True, **section):
        mounted = mount(**files)
        place = {key: str(mounted.path(name)) for key, name in (
            ("cert_file", "server.crt"), ("key_file", "server.key"), ("ca_file", "ca.crt")
        )}  # fmt: skip
        if "crl.pem" in files:
            section["crl_file"] = str(mounted.path("crl.pem"))
        sections = {"auth_mtls": section} if "mtls" in mode else {}
        one = await gateway(
            origin.url,
            start=False,
            tls=place | {"watch_seconds": 0.05},
            auth_mode=mode,
            **sections,
            **dict(more),
        )
        if start:
            await one.start()
        return one, mounted

    return secured


@pytest.fixture
def client(tmp_path):
    """Make a client's context that shows a certificate with these intermediates, or none."""

    def client(issued=None, *sent, trusting=()):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_REQUIRED if trusting else ssl.CERT_NONE
        context.set_ciphers(ANY_STRENGTH)
        for each in trusting:
            context.load_verify_locations(cadata=each.own.pem.decode())
        if issued is not None:
            file = tmp_path / "client.pem"
            file.write_bytes(issued.key_pem + b"".join(each.pem for each in (issued, *sent)))
            context.load_cert_chain(file)
        return context

    return client


class Connections:
    """Counts the connections that a session makes.

    Attributes:
        made: how many.
    """

    def __init__(self):
        self.made = 0
        self.trace = aiohttp.TraceConfig()
        self.trace.on_connection_create_end.append(self._count)

    async def _count(self, *_):
        self.made += 1


@pytest.fixture
def connections():
    return Connections()


@pytest.fixture
def session():
    """Open a session of one connection over a context."""

    @asynccontextmanager
    async def session(context, connections=None, **more):
        connector = aiohttp.TCPConnector(ssl=context, limit=1)
        traces = [connections.trace] if connections else []
        async with aiohttp.ClientSession(
            connector=connector, trace_configs=traces, **more
        ) as opened:
            yield opened

    return session


@pytest.fixture
def answer(session, told_by_tls):
    """Call over a connection of the call's own; return the status, or that TLS refused."""

    async def answer(gateway, context, headers=None):
        try:
            async with (
                session(context, headers=headers) as opened,
                opened.get(f"{gateway.url}/free/x") as reply,
            ):
                return reply.status
        except (aiohttp.ClientError, ssl.SSLError, ConnectionError) as error:
            return told_by_tls(error)

    return answer


@pytest.fixture
def by_openssl(agents, tmp_path):
    """Let ``openssl x509 -req``, as guides show it, sign a certificate by the authority."""

    def by_openssl(*options, key):
        files = {"ca.crt": agents.own.pem, "ca.key": agents.own.key_pem, "a.key": key.key_pem}
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)
        request = ["req", "-new", "-key", "a.key", "-out", "a.csr", "-subj", f"/CN={AGENT}"]
        by = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"]
        sign = ["x509", "-req", "-in", "a.csr", "-out", "a.crt", *by, *options]
        for words in (request, sign):
            subprocess.run(  # noqa: S603 - a command of our own
                ["openssl", *words],  # noqa: S607 - whichever there is
                cwd=tmp_path,
                check=True,
                capture_output=True,
            )
        made = x509.load_pem_x509_certificate((tmp_path / "a.crt").read_bytes())
        return Issued(made, key.key, (agents.own.der,))

    return by_openssl
