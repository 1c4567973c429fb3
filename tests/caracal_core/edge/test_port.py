"""One port on both event loops: where it listens, whom it admits, and how it empties."""

import asyncio
import socket
import ssl
from contextlib import suppress
from itertools import count
from time import monotonic

import pytest
import uvloop

from caracal_core.config.address import Address
from caracal_core.config.tls import TlsConfig
from caracal_core.domain import Headers, Reply
from caracal_core.edge import port as port_module
from caracal_core.edge.app import GatewayApp
from caracal_core.edge.port import Port
from caracal_core.edge.tls import Certificates
from caracal_core.errors import Misconfigured
from caracal_core.testing.fakes.services import FakeMetrics

LOCAL = Address("127.0.0.1", 0)
WHERE = ("listen", "LISTEN_ADDRESS")
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"

pytestmark = pytest.mark.parametrize(
    "loop",
    [asyncio.new_event_loop, uvloop.new_event_loop],
    indirect=True,
    ids=["asyncio", "uvloop"],
)
_names = count()


@pytest.fixture
async def open_port(loop, door):
    """Open a port before the fake house."""
    opened = []

    async def open_(address=LOCAL, tls=None):
        port = Port(GatewayApp(f"port-{next(_names)}", door), address, tls, WHERE)
        opened.append(port)
        await port.open()
        return port

    yield open_
    for port in opened:
        await port.close()


@pytest.fixture
def tls(authority, tmp_path):
    cert, key = authority.issue(tmp_path, "server", "server")
    config = TlsConfig(cert_file=cert, key_file=key, ca_file=tmp_path / "none")
    return Certificates(config, FakeMetrics()).context


@pytest.fixture
def trusting():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@pytest.fixture
async def dial(loop):
    """Open client connections, and close them at the end."""
    writers = []

    async def dial_(*address, **options):
        reader, writer = await asyncio.open_connection(*address, **options)
        writers.append(writer)
        return reader, writer

    yield dial_
    for writer in writers:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def answer(reader):
    """Return everything that comes until the gateway closes."""
    return await asyncio.wait_for(reader.read(), 10)


async def finish(port, *, quiet=0.0, grace=10.0, hurry=None):
    now = monotonic()
    await asyncio.wait_for(port.finish(now + quiet, now + grace, hurry or asyncio.Event()), 20)


async def until(condition):
    """Let the loop turn until the condition holds; Sanic's set of connections tells nobody."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - as above
            await asyncio.sleep(0)


async def test_the_system_chooses_port_0_and_the_url_says_what_is_spoken(open_port, tls):
    plain, encrypted = await open_port(), await open_port(tls=tls)
    assert plain.address.port > 0
    assert plain.url == f"http://127.0.0.1:{plain.address.port}"
    assert encrypted.url == f"https://127.0.0.1:{encrypted.address.port}"


@pytest.mark.skipif(not socket.has_ipv6, reason="the machine has no IPv6")
async def test_the_address_of_all_is_reached_by_ipv4_and_ipv6(open_port, dial):
    port = await open_port(Address("::", 0))
    assert port.url == f"http://[::]:{port.address.port}"
    for host in ("127.0.0.1", "::1"):
        reader, writer = await dial(host, port.address.port)
        writer.write(GET)
        assert b"200" in await asyncio.wait_for(reader.readline(), 10)


async def test_an_address_in_use_is_explained_with_its_key_and_its_mend(open_port):
    first = await open_port()
    with pytest.raises(Misconfigured) as caught:
        await open_port(first.address)
    assert str(caught.value) == (
        f"listen: {first.address} cannot be listened on (Address already in use). "
        "Stop what listens there, or choose another address (LISTEN_ADDRESS)."
    )


async def test_a_name_that_does_not_exist_is_explained(open_port):
    with pytest.raises(Misconfigured, match=r"nowhere\.invalid:1 cannot be listened on"):
        await open_port(Address("nowhere.invalid", 1))


async def test_what_waits_in_the_kernel_s_queue_is_served_when_listening_stops(open_port, dial):
    """Twenty clients connected and asked, and the loop had no turn to accept one of them."""
    port = await open_port()
    clients = [socket.create_connection(port.address) for _ in range(20)]
    for client in clients:
        client.sendall(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    port.stop_listening()
    for client in clients:
        reader, _ = await dial(sock=client)
        assert (await answer(reader)).startswith(b"HTTP/1.1 200 ")
    with pytest.raises(ConnectionRefusedError):
        await dial(*port.address)


async def test_what_waits_in_the_queue_may_still_shake_hands(open_port, tls, trusting, dial):
    port = await open_port(tls=tls)
    clients = [socket.create_connection(port.address) for _ in range(5)]
    port.stop_listening()

    async def stop():
        await finish(port)
        await port.close()

    stopping = asyncio.create_task(stop())
    for client in clients:
        reader, writer = await dial(sock=client, ssl=trusting, server_hostname="localhost")
        writer.write(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert (await answer(reader)).startswith(b"HTTP/1.1 200 ")
    await stopping


async def test_a_handshake_that_has_begun_is_waited_for(open_port, tls, trusting, dial):
    """Its connection is in nobody's list yet; the one after it proves that it was accepted."""
    port = await open_port(tls=tls)
    early = socket.create_connection(port.address)
    await dial(*port.address, ssl=trusting)
    port.stop_listening()
    finishing = asyncio.create_task(finish(port, quiet=5, grace=15))
    await until(lambda: len(port.connections) == 1)
    for connection in port.connections:
        connection.abort()
    await until(lambda: not port.connections)
    done, _ = await asyncio.wait([finishing], timeout=port_module.LOOK_SECONDS * 4)
    assert not done
    reader, writer = await dial(sock=early, ssl=trusting, server_hostname="localhost")
    writer.write(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    assert (await answer(reader)).startswith(b"HTTP/1.1 200 ")
    finishing.cancel()


async def test_an_idle_connection_is_left_open_until_the_quiet_is_over(open_port, door, dial):
    """Its request may be on the way; it is answered, and told that it was the last one."""
    port = await open_port()
    reader, writer = await dial(*port.address)
    writer.write(GET)
    await asyncio.wait_for(reader.readuntil(b"GET /?"), 10)
    door.accepting = False
    port.stop_listening()
    finishing = asyncio.create_task(finish(port, quiet=30, grace=60))
    await asyncio.sleep(0)
    writer.write(GET)
    rest = await answer(reader)
    assert rest.startswith(b"HTTP/1.1 200 ")
    assert b"\r\nconnection: close\r\n" in rest
    await finishing


async def test_idle_connections_are_closed_after_the_quiet(open_port, dial):
    port = await open_port()
    ends = [await dial(*port.address) for _ in range(5)]
    finishing = asyncio.create_task(finish(port))
    for reader, _ in ends:
        assert await answer(reader) == b""
    await finishing


async def test_an_idle_client_that_does_not_confirm_the_close_is_cut(
    open_port, tls, trusting, monkeypatch
):
    """TLS asks both sides to say goodbye; a client that is asleep must not hold up the stop."""
    monkeypatch.setattr(port_module, "FAREWELL_SECONDS", 0.1)
    port = await open_port(tls=tls)
    asleep = socket.create_connection(port.address)
    await asyncio.to_thread(lambda: trusting.wrap_socket(asleep).detach())
    await until(lambda: port.connections)
    await finish(port, grace=15)
    assert not port.connections


class TestInService:
    """Requests that are being served when the stop begins."""

    @pytest.fixture
    def held(self, door, stream):
        """Hold every request until it is set; count those that were cancelled."""
        go = asyncio.Event()
        go.inside, go.cancelled = 0, 0

        async def settled():
            pass

        async def hold(request, deliver):
            go.inside += 1
            try:
                await go.wait()
            except asyncio.CancelledError:
                go.cancelled += 1
                raise

            await deliver(Reply(200, Headers(), stream(b"done"), 4), settled)

        door.answer = hold
        return go

    async def asked(self, dial, port, held, number):
        ends = [await dial(*port.address) for _ in range(number)]
        for _, writer in ends:
            writer.write(GET)
        await until(lambda: held.inside == number)
        return ends

    async def test_they_are_finished(self, open_port, door, held, dial):
        port = await open_port()
        ends = await self.asked(dial, port, held, 10)
        door.accepting = False
        port.stop_listening()
        finishing = asyncio.create_task(finish(port))
        await asyncio.sleep(0)
        assert not finishing.done()
        held.set()
        for reader, _ in ends:
            assert (await answer(reader)).endswith(b"\r\n\r\ndone")
        await finishing
        assert held.cancelled == 0

    @pytest.mark.parametrize("hurried", [False, True])
    async def test_what_outlives_the_grace_is_ended_and_hears_of_it(
        self, open_port, held, hurried, dial
    ):
        port = await open_port()
        ends = await self.asked(dial, port, held, 10)
        hurry = asyncio.Event()
        if hurried:
            hurry.set()
        await finish(port, grace=60 if hurried else 0.05, hurry=hurry)
        assert held.cancelled == 0
        await port.close()
        for reader, _ in ends:
            assert (await answer(reader)).startswith(b"HTTP/1.1 503 ")
        await until(lambda: not port.connections and held.cancelled == 10)
