"""The gateway on HTTPS: real clients, a real authority, and certificates that change under load."""

import asyncio
import datetime as dt
import ipaddress
import ssl
import warnings
from contextlib import asynccontextmanager

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

WORKERS = 4
ROTATIONS = 3
UNVERIFIED = ssl._create_unverified_context()  # noqa: S323 - where something else is proved
ANY_CIPHER = "ALL:@SECLEVEL=0"


def named(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def certificate(subject, key, issuer, issuer_key, *, authority):
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(named(subject))
        .issuer_name(named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if not authority:
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        builder = builder.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    return builder.sign(issuer_key, SHA256())


class Authority:
    """Issues certificates."""

    def __init__(self, name):
        self.name = name
        self.key = ec.generate_private_key(ec.SECP256R1())
        made = certificate(name, self.key, name, self.key, authority=True)
        self.pem = made.public_bytes(Encoding.PEM)

    def issue(self, name):
        """Return the PEM of a new certificate for 127.0.0.1, and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = certificate(name, key, self.name, self.key, authority=False)
        plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return made.public_bytes(Encoding.PEM), plain


@pytest.fixture
def authority():
    return Authority("Test authority")


@pytest.fixture
def pair(authority):
    """Make what the Secret caracal-tls holds: a fresh pair, and the clients' authorities."""

    def pair(signer=authority):
        server, key = signer.issue("gateway")
        return {"server.crt": server, "server.key": key, "ca.crt": authority.pem}

    return pair


@pytest.fixture
async def served(gateway, origin, mount, pair):
    """A gateway with certificates that are looked at often, and its mounted Secret."""
    mounted = mount(**pair())
    names = {"cert_file": "server.crt", "key_file": "server.key", "ca_file": "ca.crt"}
    files = {key: str(mounted.path(name)) for key, name in names.items()}
    one = await gateway(origin.url, budget="100000", tls=files | {"watch_seconds": 0.05})
    assert one.url.startswith("https://")
    return one, mounted


def trusting(*authorities):
    context = ssl.create_default_context(cadata=b"".join(authorities).decode())
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # the authority has no key usage
    return context


async def call(gateway, context, path="/paid/x"):
    """Call over a connection of the call's own."""
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session,
        session.get(gateway.url + path, headers=gateway.authorization) as reply,
    ):
        return reply.status


async def run(*command, **more):
    """Run a program and return its exit code and everything it printed."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        **more,
    )
    async with asyncio.timeout(30):
        printed, _ = await process.communicate()
    return process.returncode, printed.decode()


async def shown_serial(gateway):
    """Return the serial number of the certificate that a new connection is shown."""
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.port, ssl=UNVERIFIED)
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    await writer.wait_closed()
    return x509.load_der_x509_certificate(shown).serial_number


def serial(files):
    return x509.load_pem_x509_certificate(files["server.crt"]).serial_number


async def test_everyday_clients_verify_it_and_none_needs_a_certificate(served, authority, tmp_path):
    """A mounted CA asks clients for certificates, and forces nobody: probes have none."""
    one, mounted = served
    assert await call(one, trusting(authority.pem)) == 200
    ca = str(mounted.path("ca.crt"))
    bearer = f"Authorization: Bearer {one.token}"
    curl = ("curl", "-sS", "--cacert", ca, "-w", "%{http_code} %{ssl_verify_result}")
    assert await run(*curl, "-H", bearer, f"{one.url}/free/x") == (0, "ok200 0")
    assert await run(*curl, f"{one.url}/health") == (0, "ok200 0")
    address = one.url.removeprefix("https://")
    openssl = ("openssl", "s_client", "-connect", address, "-CAfile", ca, "-verify_return_error")
    code, printed = await run(*openssl, "-verify_ip", "127.0.0.1", "-brief")
    assert code == 0
    assert "Protocol version: TLSv1.3" in printed
    assert "Verification: OK" in printed
    code, printed = await run("curl", "-sS", f"{one.url}/health")
    assert code != 0, "a stranger's authority was believed"


async def test_a_client_may_show_a_certificate_of_the_mounted_authority_and_of_no_other(
    served, authority, tmp_path
):
    one, _ = served
    for signer, expected in ((authority, 200), (Authority("Stranger"), None)):
        (tmp_path / "client.pem").write_bytes(b"".join(signer.issue("agent-1")))
        context = trusting(authority.pem)
        context.load_cert_chain(tmp_path / "client.pem")
        if expected:
            assert await call(one, context) == expected
        else:
            with pytest.raises(aiohttp.ClientError):
                await call(one, context)
    assert "Traceback" not in one.log


@asynccontextmanager
async def loaded(gateway, context):
    """Keep kept and fresh connections busy; every call has to succeed."""
    over = asyncio.Event()
    seen = []

    async def fresh():
        while not over.is_set():
            seen.append(await call(gateway, context, "/free/load"))

    async def kept():
        connector = aiohttp.TCPConnector(ssl=context, limit=1)
        async with aiohttp.ClientSession(connector=connector) as session:
            while not over.is_set():
                async with session.get(
                    f"{gateway.url}/free/load", headers=gateway.authorization
                ) as reply:
                    await reply.read()
                    seen.append(reply.status)

    tasks = [asyncio.create_task(kind()) for kind in (fresh, kept) for _ in range(WORKERS // 2)]
    yield
    over.set()
    await asyncio.gather(*tasks)
    assert seen
    assert set(seen) == {200}


async def test_certificates_rotate_under_load_and_no_request_fails(served, authority, pair, until):
    """Leaf after leaf, and then a leaf of another authority; the last one is what is shown."""
    one, mounted = served
    successor = Authority("Its successor")
    async with loaded(one, trusting(authority.pem, successor.pem)):
        for signer in [authority] * ROTATIONS + [successor]:
            files = pair(signer)
            mounted.swap(**files)

            async def rotated(files=files):
                return await shown_serial(one) == serial(files)

            await until(rotated)
    assert await one.metric("caracal_tls_reloads_total") == ROTATIONS + 1
    expires = x509.load_pem_x509_certificate(files["server.crt"]).not_valid_after_utc
    assert await one.metric("caracal_tls_certificate_expires_seconds") == expires.timestamp()


async def test_a_broken_pair_is_told_and_the_working_one_stays(served, authority, pair, until):
    one, mounted = served
    before = await shown_serial(one)
    async with loaded(one, trusting(authority.pem)):
        mounted.swap(**pair() | {"server.key": authority.issue("another")[1]})

        async def told():
            return await one.metric("caracal_tls_reload_failures_total") == 1

        await until(told)
        assert await shown_serial(one) == before
        files = pair()
        mounted.swap(**files)

        async def mended():
            return await shown_serial(one) == serial(files)

        await until(mended)
    await one.stop()  # the log has a thread of its own
    assert "certificate files: what is there now is not used, what was in force stays" in one.log
    assert "PRIVATE" not in one.log


async def assert_untroubled(gateway):
    """Show that the next client is served, and that what came before it left no trace."""
    assert await call(gateway, UNVERIFIED) == 200
    await gateway.stop()
    assert '"level": "ERROR"' not in gateway.log
    assert "Traceback" not in gateway.log
    assert [story["path"] for story in gateway.stories] == ["/paid/x"]


async def test_http_in_the_clear_is_refused_quietly(served):
    one, _ = served
    assert not (await one.raw(b"GET /health HTTP/1.1\r\nHost: g\r\n\r\n")).startswith(b"HTTP")
    await assert_untroubled(one)


def outdated(purpose):
    """Return a context that speaks nothing newer than TLS 1.1, and would speak that."""
    context = ssl.SSLContext(purpose)
    with warnings.catch_warnings(action="ignore"):  # it is outdated, as they say
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers(ANY_CIPHER)
    return context


async def test_tls_1_1_is_refused_quietly(served):
    """The same client gets through to a server that still speaks it."""
    one, mounted = served
    client, server = map(outdated, (ssl.PROTOCOL_TLS_CLIENT, ssl.PROTOCOL_TLS_SERVER))
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    server.load_cert_chain(mounted.path("server.crt"), mounted.path("server.key"))

    async def greet(port):
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client)
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(
        lambda _, w: w.close(), "127.0.0.1", 0, ssl=server
    ) as old:
        await greet(old.sockets[0].getsockname()[1])
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await greet(one.port)
    await assert_untroubled(one)


async def test_the_operations_port_stays_in_the_clear(served):
    """Probes and scrapers of the cluster have no authorities."""
    one, _ = served
    assert one.operations.startswith("http://")
    assert (await one.operator_sees("/health/ready"))[0] == 200
