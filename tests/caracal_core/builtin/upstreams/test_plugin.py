"""Proved here: upstreams open with their own secrets, trust and connections, and close again."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from caracal_core.assembly.masking import Masking
from caracal_core.assembly.secrets import MountedSecrets
from caracal_core.builtin.upstreams.plugin import UpstreamsConfig, UpstreamsPlugin
from caracal_core.errors import Denied, Failure, Misconfigured, UpstreamUnreachable
from caracal_core.testing.contracts import PluginContract
from caracal_core.testing.fakes import FakeMetrics, a_services

REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture
def identity(tmp_path):
    """Make a self-signed certificate for an address; give the server's context and its file."""

    def make(address: str) -> tuple[ssl.SSLContext, str]:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "upstream")])
        now = dt.datetime.now(dt.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(hours=1))
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]),
                critical=False,
            )
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        path = tmp_path / f"{address}.pem"
        path.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context, str(path)

    return make


@pytest.fixture
def serving(raw_server):
    """Start a server over TLS that answers every request."""

    async def start(context: ssl.SSLContext):
        async def talk(reader, writer):
            while True:
                await server.head(reader)
                writer.write(REPLY)

        server = await raw_server(talk, context)
        return server

    return start


async def test_a_certificate_of_the_named_authority_is_trusted(identity, serving, connect, call):
    """A private authority is named by its file; connections are kept as without TLS."""
    context, path = identity("127.0.0.1")
    server = await serving(context)
    upstream = await connect(server.url, ca_file=path)
    for _ in range(3):
        assert (await call(upstream)).body == b"ok"
    assert server.connections == 1


@pytest.mark.parametrize(
    ("address", "named"),
    [("127.0.0.1", False), ("127.0.0.2", True)],
    ids=["unknown authority", "certificate of another"],
)
async def test_an_unproven_upstream_gets_nothing(identity, serving, connect, call, address, named):
    """Neither the request nor the credential; and the call was never sent."""
    context, path = identity(address)
    server = await serving(context)
    options = {"ca_file": path} if named else {}
    upstream = await connect(server.url, headers={"Authorization": "Bearer own"}, **options)
    told = []
    with pytest.raises(UpstreamUnreachable):
        await call(upstream, on_sent=lambda: told.append(True))
    assert (server.heads, told) == ([], [])


async def test_plain_http_is_not_taken_for_tls(raw_server, connect, call):
    """A port that speaks no TLS is a 502."""

    async def talk(reader, writer):
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    server = await raw_server(talk)
    with pytest.raises(UpstreamUnreachable):
        await call(await connect(server.url.replace("http:", "https:")))


async def test_a_named_authority_is_the_only_one(identity, connect):
    """The system's authorities do not vouch for an upstream that has its own."""
    _, path = identity("127.0.0.1")
    assert await connect("https://127.0.0.1:1", ca_file=path)
    context = ssl.create_default_context(cafile=path)
    assert len(context.get_ca_certs()) == 1


@pytest.mark.parametrize("content", [None, "", "no certificate"], ids=["missing", "empty", "text"])
async def test_an_unreadable_authority_stops_the_start(connect, tmp_path, content):
    """With the key, the fault and the mend."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(Misconfigured, match=r"upstreams\.up\.ca_file: .* PEM certificates"):
        await connect("https://a.example", ca_file=str(path))


async def test_every_file_is_handed_over_to_be_read_before_anything_opens(tmp_path):
    """So that all that is wrong with any of them is told at once."""
    section = {
        "a": {"url": "https://a", "ca_file": str(tmp_path / "ca.pem")},
        "b": {
            "url": "http://b",
            "headers": {"X": {"secret_env": "NO"}, "Y": {"secret_file": "/n"}},
        },
        "c": {"url": "http://c", "headers": {"X": "plain"}},
    }
    plugin = UpstreamsPlugin(UpstreamsConfig.model_validate({"upstreams": section}))
    wrong = []
    for reader in plugin.files(a_services()):
        try:
            await reader.read()
        except Misconfigured as error:
            wrong.append(error.where)
    assert wrong == ["upstreams.a.ca_file", "NO", "/n"]


async def test_a_rotated_secret_reaches_the_upstream_on_the_kept_connections(
    replying, call, tmp_path, monkeypatch
):
    """A real file and a real upstream: the next request bears the new credential."""
    monkeypatch.setattr("caracal_core.following.SECONDS", 0.005)
    server, file = await replying(REPLY), tmp_path / "key"
    file.write_text("Bearer old")
    headers = {"Authorization": {"secret_file": str(file)}, "X-Fixed": "fixed"}
    section = {"up": {"url": server.url, "allow_private": True, "headers": headers}}
    plugin = UpstreamsPlugin(UpstreamsConfig.model_validate({"upstreams": section}))
    metrics = FakeMetrics()
    services = msgspec.structs.replace(
        a_services(metrics=metrics), secrets=MountedSecrets(Masking())
    )
    upstream = plugin.upstreams(services)["up"]

    async def counted(result):
        async with asyncio.timeout(20):
            while not metrics.counted("credential_changes", result=result):  # noqa: ASYNC110 - a fake counts, and tells nobody
                await asyncio.sleep(0)

    async with plugin.lifespan(services):
        await call(upstream)
        file.write_text("Bearer new\nX-Injected: 1")
        await counted("refused")
        assert metrics.read("credentials_broken") == 1
        await call(upstream)
        file.write_text("Bearer new\n")
        await counted("taken_up")
        await call(upstream)
        assert metrics.read("credentials_broken") == 0
    shown = [head.partition(b"Authorization: ")[2].partition(b"\r")[0] for head in server.heads]
    assert shown == [b"Bearer old", b"Bearer old", b"Bearer new"]
    assert all(b"X-Fixed: fixed\r\n" in head for head in server.heads)
    assert server.connections == 1


@pytest.mark.parametrize("headers", [{}, {"X": "literal"}, {"X": {"secret_env": "KEY"}}])
async def test_what_cannot_change_is_not_followed(connect, headers):
    """A literal's change is a reload's business; the environment never changes."""
    await connect("http://a.example", {"KEY": "from-env"}, headers=headers)
    assert "following" not in {task.get_name() for task in asyncio.all_tasks()}


async def test_secrets_are_read_at_the_start(replying, connect, call):
    """From a file or a variable, whole."""
    server = await replying(REPLY)
    headers = {"Authorization": {"secret_file": "/key"}, "X-Key": {"secret_env": "KEY"}}
    secrets = {"/key": "Bearer from-file", "KEY": "from-env"}
    await call(await connect(server.url, secrets, headers=headers))
    assert b"Authorization: Bearer from-file\r\n" in server.heads[0]
    assert b"X-Key: from-env\r\n" in server.heads[0]


async def test_a_missing_secret_stops_the_start(connect):
    """An upstream without its credential would only answer 401."""
    with pytest.raises(Misconfigured):
        await connect("http://a.example", headers={"X": {"secret_file": "/missing"}})


@pytest.mark.parametrize(
    "value", ["hidden\n2", "hidden\r\nb: c", "hidden ", "hidden\0", "hidden\u00e4", " "]
)
async def test_a_secret_that_is_no_header_stops_the_start(connect, value):
    """And the message does not show it."""
    with pytest.raises(Misconfigured, match=r"upstreams\.up\.headers\.X") as raised:
        await connect("http://a.example", {"/f": value}, headers={"X": {"secret_file": "/f"}})
    assert "hidden" not in str(raised.value)


async def test_a_literal_that_is_no_header_stops_the_start(connect):
    """Like a secret."""
    with pytest.raises(Misconfigured, match="visible ASCII"):
        await connect("http://a.example", headers={"X": "a\r\nb: c"})


async def test_a_private_address_must_be_named_as_such(replying, connect, call):
    """Case 12, end to end: 403, and the upstream hears nothing."""
    server = await replying(REPLY)
    upstream = await connect(server.url.replace("127.0.0.1", "localhost"), allow_private=False)
    with pytest.raises(Denied):
        await call(upstream)
    assert server.connections == 0


def parts(**root: object):
    config = UpstreamsConfig.model_validate(root)
    return UpstreamsPlugin(config).upstreams(a_services())


def test_the_reply_timeout_has_a_default_for_all():
    """REQUEST_TIMEOUT's, unless the upstream has its own."""
    section = {"a": {"url": "http://a"}, "b": {"url": "http://b", "reply_timeout": 7}}
    upstreams = parts(upstreams=section, request_timeout="12")
    assert (upstreams["a"].reply_seconds, upstreams["b"].reply_seconds) == (12, 7)
    extra = UpstreamsConfig.model_fields["request_timeout"].json_schema_extra
    assert extra == {"env": ["REQUEST_TIMEOUT"]}


def test_nothing_is_opened_before_the_lifespan():
    """`caracal check` furnishes the house without any input or output."""
    upstream = parts(upstreams={"a": {"url": "https://a", "ca_file": "/missing"}})["a"]
    with pytest.raises(Failure, match="not open"):
        upstream.send(None, None, None)


async def test_leaving_the_lifespan_closes_every_connection(replying, call):
    """Those that were kept included."""
    server = await replying(REPLY)
    section = {"up": {"url": server.url, "allow_private": True}}
    plugin = UpstreamsPlugin(UpstreamsConfig.model_validate({"upstreams": section}))
    services = a_services()
    upstream = plugin.upstreams(services)["up"]
    async with plugin.lifespan(services):
        await call(upstream)
    with pytest.raises(Failure, match="closed"):
        await call(upstream)
    await server.ended.wait()


async def test_a_start_that_fails_half_way_leaves_nothing_open(replying):
    """The first upstream is closed where the second cannot be opened."""
    server = await replying(REPLY)
    section = {
        "first": {"url": server.url, "allow_private": True},
        "second": {"url": "http://b", "headers": {"X": {"secret_env": "MISSING"}}},
    }
    plugin = UpstreamsPlugin(UpstreamsConfig.model_validate({"upstreams": section}))
    with pytest.raises(Misconfigured):
        async with plugin.lifespan(a_services()):
            pytest.fail("it must not open")


class TestPlugin(PluginContract):
    """It owes what every plugin owes."""

    @pytest.fixture
    def plugin_class(self):
        return UpstreamsPlugin

    @pytest.fixture
    def config(self):
        return {"upstreams": {"up": {"url": "http://a.example", "headers": {"X": "y"}}}}

    @pytest.fixture
    def bad_configs(self):
        return [{"upstreams": {"up": {"url": "nowhere"}}}]
