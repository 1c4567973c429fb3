"""A document is fetched whole, small, in time, from the named place only, or not at all."""

import asyncio
import contextlib
import datetime as dt
import gzip
import ipaddress
import logging
import os
import socket
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from caracal_core.assembly.fetching import HttpService
from caracal_core.builtin.upstreams.trust import CA_BYTES_MAX
from caracal_core.errors import Failure
from caracal_core.ports import Fetched, Http
from caracal_core.testing.fakes import Origin
from caracal_core.testing.fakes.script import Answer, Cut, Garbage, Hold, Silence

LOCAL = {"allow_private": True, "allow_http": True}


@pytest.fixture
def get():
    """Fetch with the service, within sizes and times that suit most tests."""
    service = HttpService(logging.getLogger("caracal.test"))

    async def fetch(url, **options):
        return await service.get(url, **{"most_bytes": 1000, "seconds": 20, **LOCAL, **options})

    return fetch


async def refusal(fetching):
    with pytest.raises(Failure) as caught:
        await fetching
    assert (caught.value.part, caught.value.status) == ("http", 503)
    return caught.value.internal


@pytest.fixture
async def origin():
    """A server in the clear."""
    async with Origin() as serving:
        yield serving


def _usage(ca):
    uses = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment")
    uses += ("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    own = "key_cert_sign" if ca else "digital_signature"
    return x509.KeyUsage(**{use: use == own for use in uses})


def certificate(name, issuer=None, ca=False):
    """Make a key and a certificate for 127.0.0.1, signed by the issuer or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer, signed_by = (issuer[0], issuer[1].subject) if issuer else (key, subject)
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signed_by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        # Python 3.13 holds chains to RFC 5280, by which keys have identifiers, and an
        # authority's key a usage.
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False
        )
        .add_extension(_usage(ca=ca), critical=True)
        .sign(signer, hashes.SHA256())
    )
    return key, made


@pytest.fixture
def authority(tmp_path):
    """A CA of the test's own: its file, and a server's context with a certificate of it."""
    ca = certificate("ca", ca=True)
    key, leaf = certificate("server", ca)
    pem = serialization.Encoding.PEM
    (tmp_path / "ca.pem").write_bytes(ca[1].public_bytes(pem))
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "server.pem").write_bytes(leaf.public_bytes(pem) + secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    return str(tmp_path / "ca.pem"), context


def test_it_is_the_port():
    assert isinstance(HttpService(logging.getLogger("caracal.test")), Http)


async def test_a_document_comes_as_it_is(get, origin):
    """Status, fields and body; the request says nothing that was not meant to be said."""
    origin.will(Answer(status=200, headers=(("cache-control", "max-age=5"),), chunks=(b"keys",)))
    fetched = await get(f"{origin.url}/a/jwks.json?p=1")
    assert isinstance(fetched, Fetched)
    assert (fetched.status, fetched.body) == (200, b"keys")
    assert fetched.headers.get("cache-control") == "max-age=5"
    (received,) = origin.received
    assert (received.method, received.target) == ("GET", "/a/jwks.json?p=1")
    assert {name for name, _ in received.headers} == {
        "host",
        "accept-encoding",
        "user-agent",
        "connection",
    }


async def test_tls_is_verified_by_the_given_authority_alone(get, authority):
    """Its own CA is trusted where it is named, and by nobody else."""
    ca_file, context = authority
    async with Origin(context) as serving:
        serving.will(Answer(chunks=(b"keys",)))
        url = f"{serving.url}/jwks.json"
        assert "certificate" in (await refusal(get(url))).lower()
        assert serving.received == []
        assert (await get(url, ca_file=ca_file, allow_http=False)).body == b"keys"


async def test_a_certificate_for_another_name_is_refused(get, authority):
    ca_file, context = authority
    async with Origin(context) as serving:
        url = serving.url.replace("127.0.0.1", "localhost")
        assert "certificate" in (await refusal(get(url, ca_file=ca_file))).lower()
        assert serving.received == []
        assert (await get(serving.url, ca_file=ca_file)).status == 200


async def test_a_ca_file_that_holds_none_is_named(get, tmp_path):
    (tmp_path / "none.pem").write_text("nothing")
    (tmp_path / "long.pem").write_bytes(b"")
    os.truncate(tmp_path / "long.pem", CA_BYTES_MAX + 1)
    for path, why in (
        (tmp_path / "long.pem", "more than 1,048,576 bytes"),
        (tmp_path / "none.pem", "no certificate"),
        (tmp_path / "absent", "No such file"),
    ):
        reason = await refusal(get("https://127.0.0.1:9/", ca_file=str(path)))
        assert str(path) in reason
        assert why.lower() in reason.lower()


async def test_a_redirect_is_an_answer_and_is_not_followed(get, origin):
    """Not even to the same host, and a cookie that is set is not kept."""
    away = (("location", f"{origin.url}/elsewhere"), ("set-cookie", "a=b"))
    origin.will(Answer(status=302, headers=away), Answer(chunks=(b"second",)))
    assert (await get(f"{origin.url}/keys")).status == 302
    assert (await get(f"{origin.url}/keys")).body == b"second"
    assert [received.target for received in origin.received] == ["/keys", "/keys"]
    assert not any("cookie" in received.headers for received in origin.received)


async def test_a_proxy_of_the_environment_is_not_asked(get, origin, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    origin.will(Answer(chunks=(b"keys",)))
    assert (await get(origin.url)).body == b"keys"


@pytest.mark.parametrize("declared", [True, False])
async def test_a_long_body_is_not_read_to_its_end(get, origin, declared):
    """Neither where it is declared nor where it just does not end."""
    origin.will(Answer(chunks=(b"x" * 1001,), declared=declared), Answer(chunks=(b"x" * 1000,)))
    assert "longer than 1000 bytes" in await refusal(get(origin.url))
    assert len((await get(origin.url)).body) == 1000


async def test_a_compressed_body_is_refused_unread(get, origin):
    """A few bytes that would become gigabytes stay a few bytes."""
    bomb = gzip.compress(b"\0" * 10_000_000)[:900]
    for coding in ("gzip", "br", "identity, gzip"):
        origin.will(Answer(headers=(("content-encoding", coding),), chunks=(bomb,)))
        assert "compressed" in await refusal(get(origin.url))


@pytest.mark.parametrize("step", [Silence(), Hold(first=b"a")])
async def test_the_deadline_is_for_all_of_it(get, origin, step):
    """A server that says nothing, or never ends, is left alone after the given time."""
    origin.will(step)
    assert "no whole answer within 0.2 s" in await refusal(get(origin.url, seconds=0.2))
    await origin.idle()


async def test_a_server_that_drips_is_late_though_it_never_pauses(get):
    """Each byte in time is not the whole in time."""

    ended = asyncio.Event()

    async def drip(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            await asyncio.sleep(0.01)
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        ended.set()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert "no whole answer" in await refusal(get(f"http://127.0.0.1:{port}/", seconds=0.3))
        await ended.wait()


async def test_a_handshake_that_never_comes_is_late_too(get):
    """The deadline begins with dialling."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"https://127.0.0.1:{deaf.getsockname()[1]}/"
        assert "no whole answer" in await refusal(get(url, seconds=0.3))


@pytest.mark.parametrize("step", [Garbage(), Cut(chunks=(b"a",)), Cut(chunks=(), declared=False)])
async def test_a_broken_answer_is_none(get, origin, step):
    origin.will(step)
    assert "gave no document" in await refusal(get(origin.url))


async def test_nobody_there_is_a_failure(get):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    assert "gave no document" in await refusal(get(f"http://127.0.0.1:{port}/"))


async def test_http_has_to_be_allowed(get, origin):
    assert "plain HTTP is not allowed" in await refusal(get(origin.url, allow_http=False))
    assert origin.received == []


async def test_a_private_address_has_to_be_allowed(get, origin, caplog):
    """It is judged before the first packet, and the log names it."""
    for host in ("127.0.0.1", "localhost"):
        url = f"http://{host}:{origin.port}/"
        assert "may not be dialled" in await refusal(get(url, allow_private=False))
    assert origin.received == []
    assert "the host localhost is not dialled" in caplog.text


@pytest.mark.parametrize("address", ["169.254.169.254", "[::ffff:a9fe:a9fe]"])
async def test_a_metadata_address_is_never_allowed(get, address):
    assert "may not be dialled" in await refusal(get(f"http://{address}/latest/meta-data"))


async def test_a_name_that_rebinds_is_judged_by_what_is_dialled(get, origin, monkeypatch):
    """The address of the first look-up means nothing for the second."""
    loop = asyncio.get_running_loop()
    really, answers = loop.getaddrinfo, ["127.0.0.1", "169.254.169.254"]

    async def getaddrinfo(host, port, **options):
        return await really(answers.pop(0), port, **options)

    monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
    origin.will(Answer(chunks=(b"keys",)))
    url = f"http://idp.example:{origin.port}/"
    assert (await get(url)).body == b"keys"
    assert "may not be dialled" in await refusal(get(url))
    assert answers == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:{}/keys",
        "file:///etc/passwd",
        "ftp://127.0.0.1:{}/keys",
        "http://user:pass@127.0.0.1:{}/keys",
        "http://127.0.0.1:{}/a b",
        "http://127.0.0.1:{}/a\r\nx:y",
        "http://127.0.0.1:{}/?a\r\nx:y",
        "http://127.0.0.1:{}/?a b",
        "http://127.0.0.1:{}/#part",
        "http://127.0.0.1:{}/?a#part",
        "http://127.0.0.1:{}/\u00e9",
        "http://127.0.0.1:{}/?\u00e9",
        "http://127.0.0.1:{}/?\x7f",
        "http://127.0.0.1:{}/../keys",
        "http:///keys",
    ],
)
async def test_what_is_no_url_is_refused_and_nobody_is_asked(get, origin, url):
    said = await refusal(get(url.format(origin.port)))
    assert "the URL cannot be fetched" in said or "its query holds a character" in said
    assert origin.received == []
