"""TLS on real sockets: who is served, who is believed, and that rotation disturbs nobody.

Every test of a server runs on asyncio's loop and on uvloop, which have different TLS.
"""

import asyncio
import logging
import ssl
import warnings
from contextlib import asynccontextmanager

import pytest
import uvloop
from cryptography import x509

from caracal_core.config.address import Address
from caracal_core.edge.tls import Certificates
from caracal_core.testing.fakes.services import FakeMetrics

ANYWHERE, LOCAL = Address("0.0.0.0", 8443), Address("127.0.0.1", 8443)  # noqa: S104 - not bound
NAMES = pytest.mark.parametrize("name", ["localhost", None], ids=["sni", "no-sni"])


@pytest.fixture(params=[asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def run(request):
    """Run a coroutine on one of the two loops."""
    return request.param


class Teller(asyncio.Protocol):
    """Answers the first bytes with the common name of the client's certificate."""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, _data):
        shown = self.transport.get_extra_info("ssl_object").getpeercert(True)
        self.transport.write(_common_name(shown).encode() if shown else b"nobody")
        self.transport.close()


def _common_name(der):
    return x509.load_der_x509_certificate(der).subject.rfc4514_string().removeprefix("CN=")


@asynccontextmanager
async def _serving(context):
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Teller, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        async with asyncio.timeout(5):
            await server.wait_closed()


def _client(authority=None, pair=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED if authority else ssl.CERT_NONE
    if authority:
        context.load_verify_locations(cadata=authority.pem.decode())
    if pair:
        context.load_cert_chain(*pair)
    context.set_alpn_protocols(["h2", "http/1.1"])
    return context


async def _ask(port, client, name="localhost"):
    """Return the server's common name, whom it took us for, and the agreed protocol."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=client, server_hostname=name or ""
    )
    try:
        writer.write(b"?")
        answer = await asyncio.wait_for(reader.read(), 5)
        if not answer:
            raise ConnectionError("refused after the handshake, as TLS 1.3 does")
        tls = writer.get_extra_info("ssl_object")
        served = _common_name(tls.getpeercert(True))
        return served, answer.decode(), tls.selected_alpn_protocol()
    finally:
        writer.transport.abort()


def test_a_client_without_a_certificate_is_served_though_an_authority_is_mounted(
    run, mount, authority
):
    async def test():
        mount.publish(authority, trusted=authority)
        async with _serving(Certificates(mount.config, FakeMetrics()).context) as port:
            assert await _ask(port, _client(authority)) == ("server", "nobody", "http/1.1")

    run(test())


@NAMES
def test_a_client_certificate_of_the_mounted_authority_is_known(
    run, mount, authority, tmp_path, name
):
    async def test():
        mount.publish(authority, trusted=authority)
        pair = authority.issue(tmp_path, "agent", "agent-7")
        async with _serving(Certificates(mount.config, FakeMetrics()).context) as port:
            assert (await _ask(port, _client(pair=pair), name))[1] == "agent-7"

    run(test())


def test_a_client_certificate_of_another_authority_ends_the_handshake(
    run, mount, authority, make_authority, tmp_path, caplog
):
    """The log and a count say why: the client hears of an alert at the most."""
    metrics = FakeMetrics()

    async def test():
        mount.publish(authority, trusted=authority)
        pair = make_authority("stranger").issue(tmp_path, "agent", "agent-7")
        async with _serving(Certificates(mount.config, metrics).context) as port:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await _ask(port, _client(pair=pair))

    run(test())
    assert metrics.counted("refused_handshakes", reason="certificate") == 1
    assert "a TLS handshake was refused: certificate (" in caplog.text


def test_without_an_authority_nobody_is_asked_for_a_certificate(run, mount, authority, tmp_path):
    async def test():
        mount.publish(authority)
        pair = authority.issue(tmp_path, "agent", "agent-7")
        async with _serving(Certificates(mount.config, FakeMetrics()).context) as port:
            assert (await _ask(port, _client(pair=pair)))[1] == "nobody"

    run(test())


def test_versions_before_1_2_are_refused(run, mount, authority):
    async def test():
        mount.publish(authority)
        client = _client()
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
            client.minimum_version = client.maximum_version = ssl.TLSVersion.TLSv1_1
        client.set_ciphers("DEFAULT:@SECLEVEL=0")
        async with _serving(Certificates(mount.config, FakeMetrics()).context) as port:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await _ask(port, client)
            client.maximum_version = ssl.TLSVersion.TLSv1_2
            assert (await _ask(port, client))[0] == "server"

    run(test())


@NAMES
def test_a_rotated_pair_is_served_to_the_next_connection(run, mount, authority, name):
    async def test():
        mount.publish(authority, "first")
        metrics = FakeMetrics()
        served = Certificates(mount.config, metrics)
        async with _serving(served.context) as port:
            assert (await _ask(port, _client(authority), name))[0] == "first"
            mount.publish(authority, "second")
            await served.follower.look()
            assert (await _ask(port, _client(authority), name))[0] == "second"
        assert (metrics.counted("reloads"), metrics.counted("reload_failures")) == (1, 0)

    run(test())


@NAMES
def test_a_rotated_authority_decides_whom_the_next_connection_may_prove(
    run, mount, authority, make_authority, tmp_path, name
):
    """The new authority's agents are known at once, the old one's no more."""

    async def test():
        newer = make_authority("newer")
        old = _client(pair=authority.issue(tmp_path, "old", "old-agent"))
        new = _client(pair=newer.issue(tmp_path, "new", "new-agent"))
        mount.publish(authority, trusted=authority)
        served = Certificates(mount.config, FakeMetrics())
        async with _serving(served.context) as port:
            assert (await _ask(port, old, name))[1] == "old-agent"
            mount.publish(authority, trusted=newer)
            await served.follower.look()
            assert (await _ask(port, new, name))[1] == "new-agent"
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await _ask(port, old, name)

    run(test())


async def test_a_session_begun_under_a_removed_authority_is_not_resumed(
    mount, authority, make_authority, tmp_path
):
    """A resumed session would bring the old certificate back without proving it again."""
    mount.publish(authority, trusted=authority)
    served = Certificates(mount.config, FakeMetrics())
    client = _client(pair=authority.issue(tmp_path, "old", "old-agent"))
    client.maximum_version = ssl.TLSVersion.TLSv1_2  # its session is complete with the handshake

    session = _handshake(client, served.context, None).session
    assert _handshake(client, served.context, session).session_reused
    mount.publish(authority, trusted=make_authority("newer"))
    await served.follower.look()
    with pytest.raises(ssl.SSLError):
        _handshake(client, served.context, session)


def _handshake(client, server, session):
    """Shake hands in memory, with a session to resume; return the client's side."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(to_client, to_server, session=session)
    far = server.wrap_bio(to_server, to_client, server_side=True)
    waiting = [near, far]
    while waiting:
        for side in list(waiting):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(side)
    return near


def test_rotation_under_load_fails_no_handshake(run, mount, authority):
    """Clients come without a pause, with SNI and without, while the pair is swapped 20 times."""

    async def test():
        mount.publish(authority, "0")
        served = Certificates(mount.config, FakeMetrics())
        done = asyncio.Event()
        async with _serving(served.context) as port:

            async def come(name):
                seen = []
                while not done.is_set():
                    seen.append(int((await _ask(port, _client(authority), name))[0]))
                return seen

            clients = [asyncio.create_task(come(name)) for name in ("localhost", None, None)]
            for number in range(1, 21):
                mount.publish(authority, str(number))
                await served.follower.look()
                assert (await _ask(port, _client(authority)))[0] == str(number)
            done.set()
            for seen in await asyncio.gather(*clients):
                assert seen == sorted(seen)
                assert len(seen) > 5

    run(test())


async def test_the_watch_finds_a_swapped_directory_by_itself(mount, authority):
    mount.publish(authority, "first")
    served = Certificates(mount.config, FakeMetrics())
    watch = asyncio.create_task(served.follower.run())
    async with _serving(served.context) as port, asyncio.timeout(10):
        mount.publish(authority, "second")
        while (await _ask(port, _client(authority)))[0] != "second":
            pass
    watch.cancel()


def _foreign_key(mount, authority, make_authority):
    mount.publish(authority, "second", key_of=make_authority("other"))


def _half_written(mount, authority, _make_authority):
    path = mount.config.cert_file
    path.write_bytes(path.read_bytes()[:300])


def _key_half_written(mount, authority, _make_authority):
    path = mount.config.key_file
    path.write_bytes(path.read_bytes()[:100])


def _unreadable(mount, authority, _make_authority):
    mount.config.key_file.unlink()
    mount.config.key_file.mkdir()


def _gone(mount, authority, _make_authority):
    mount.config.cert_file.unlink()


def _broken_authority(mount, authority, _make_authority):
    mount.config.ca_file.write_bytes(authority.pem + authority.pem[:200])


def _too_long(mount, authority, _make_authority):
    mount.config.key_file.write_bytes(mount.config.key_file.read_bytes() + b"\n" * 2**20)


@pytest.mark.parametrize(
    "breaking",
    [
        _foreign_key,
        _half_written,
        _key_half_written,
        _unreadable,
        _gone,
        _broken_authority,
        _too_long,
    ],
)
async def test_a_broken_rotation_is_reported_once_and_the_old_pair_stays(
    mount, authority, make_authority, breaking, caplog
):
    mount.publish(authority, "first", trusted=authority)
    metrics = FakeMetrics()
    served = Certificates(mount.config, metrics)
    async with _serving(served.context) as port:
        breaking(mount, authority, make_authority)
        with caplog.at_level(logging.INFO):
            await served.follower.look()
            await served.follower.look()
        assert (await _ask(port, _client(authority)))[0] == "first"
        assert (metrics.counted("reloads"), metrics.counted("reload_failures")) == (0, 1)
        assert len(caplog.messages) == 1
        assert "tls." in caplog.text
        assert "PRIVATE KEY" not in caplog.text
        mount.publish(authority, "third")
        await served.follower.look()
        assert (await _ask(port, _client(authority)))[0] == "third"
