"""A gateway's process, started and stopped for real: nobody in service is reset.

What is served is `a_gateway`, in a process of its own, on uvloop.
"""

import asyncio
import contextlib
import json
import re
import signal
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from caracal_core.config.address import Address
from caracal_core.edge import server
from caracal_core.edge.operations import Operations
from caracal_core.edge.server import Stopping, serve
from caracal_core.errors import Failure, Misconfigured

SCRIPT = Path(__file__).with_name("a_gateway.py")
PATIENCE = 20
OK = b"\r\n\r\nok"


class Gateway:
    """The process, and clients of it."""

    def __init__(self, process):
        self.process = process
        self.writers = []

    async def line(self):
        """Return the next line of its standard output."""
        raw = await asyncio.wait_for(self.process.stdout.readline(), PATIENCE)
        return json.loads(raw) if raw else None

    async def listen(self):
        """Wait until it listens."""
        listening = await self.line()
        assert listening["event"] == "listening"
        self.port, self.operations = (
            int(re.fullmatch(r"https?://127\.0\.0\.1:(\d+)", listening[name])[1])
            for name in ("gateway", "operations")
        )
        return listening

    async def dial(self, port=None, **tls):
        reader, writer = await asyncio.open_connection("127.0.0.1", port or self.port, **tls)
        self.writers.append(writer)
        return reader, writer

    async def ask(self, path, port=None, *fields):
        """Ask on a connection of its own; return the whole answer."""
        reader, writer = await self.dial(port)
        writer.write(a_get(path, "Connection: close", *fields))
        return await asyncio.wait_for(reader.read(), PATIENCE)

    async def status(self, path):
        """Return the status of a page on the operations port."""
        return int((await self.ask(path, self.operations)).split()[1])

    async def hold(self, number):
        """Begin so many requests that are held, and wait until all of them are inside."""
        ends = [await self.dial() for _ in range(number)]
        for _, writer in ends:
            writer.write(a_get("/held"))
        async with asyncio.timeout(PATIENCE):
            while f"inside {number}\n".encode() not in await self.ask("/metrics", self.operations):
                pass
        return [reader for reader, _ in ends]

    async def drains(self):
        """Wait until it says that it is stopping."""
        async with asyncio.timeout(PATIENCE):
            while await self.status("/health") != 503:
                pass

    async def stops_listening(self):
        """Wait until nobody can connect any more."""
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(ConnectionError):
                while True:
                    await self.dial()

    def tell(self, number):
        self.process.send_signal(number)

    async def ended(self):
        """Return its exit code, and what became of the requests."""
        closed = await self.line()
        return await asyncio.wait_for(self.process.wait(), PATIENCE), closed


def a_get(path, *fields):
    lines = "".join(f"{field}\r\n" for field in fields)
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n".encode()


@pytest.fixture
async def start(loop):
    """Start gateways; kill and close what is left of them."""
    started = []

    async def start_(*arguments):
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(SCRIPT), *map(str, arguments), stdout=subprocess.PIPE
        )
        started.append(Gateway(process))
        return started[-1]

    yield start_
    for gateway in started:
        for writer in gateway.writers:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        if gateway.process.returncode is None:
            gateway.process.kill()
        await gateway.process.wait()
        gateway.process._transport.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_an_idle_gateway_says_where_it_listens_and_ends_with_0(start, number):
    gateway = await start(0, 30)
    listening = await gateway.listen()
    assert listening["gateway"].startswith("http://")
    assert (await gateway.ask("/x")).endswith(OK)
    assert await gateway.status("/health") == 200
    gateway.tell(number)
    code, closed = await gateway.ended()
    assert (code, closed["answered"]) == (0, 1)


async def test_fifty_requests_in_flight_are_finished(start):
    """SIGTERM comes while they are inside: each gets its 200, and is told it was the last."""
    gateway = await start(0, 30)
    await gateway.listen()
    readers = await gateway.hold(50)
    gateway.tell(signal.SIGTERM)
    await gateway.stops_listening()
    assert await gateway.status("/health") == 503
    assert await gateway.status("/health/live") == 200
    gateway.tell(signal.SIGUSR1)
    for reader in readers:
        answer = await asyncio.wait_for(reader.read(), PATIENCE)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"\r\nconnection: close\r\n" in answer
        assert answer.endswith(OK)
    code, closed = await gateway.ended()
    assert (code, closed["answered"], closed["cancelled"]) == (0, 50, 0)
    assert closed["settled"] == 50


async def test_a_request_on_a_kept_connection_is_answered_during_the_stop(start):
    gateway = await start(0, 30)
    await gateway.listen()
    reader, writer = await gateway.dial()
    writer.write(a_get("/x"))
    assert (await asyncio.wait_for(reader.readuntil(OK), PATIENCE)).startswith(b"HTTP/1.1 200 ")
    held = await gateway.hold(1)
    gateway.tell(signal.SIGTERM)
    await gateway.drains()
    writer.write(a_get("/x"))
    answer = await asyncio.wait_for(reader.read(), PATIENCE)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"\r\nconnection: close\r\n" in answer
    gateway.tell(signal.SIGUSR1)
    await held[0].read()
    assert (await gateway.ended())[0] == 0


async def test_an_idle_connection_does_not_hold_up_the_stop(start):
    gateway = await start(0, 3600)
    await gateway.listen()
    reader, writer = await gateway.dial()
    writer.write(a_get("/x"))
    await asyncio.wait_for(reader.readuntil(OK), PATIENCE)
    gateway.tell(signal.SIGTERM)
    assert await asyncio.wait_for(reader.read(), PATIENCE) == b""
    assert (await gateway.ended())[0] == 0


async def test_during_the_delay_new_connections_are_served_while_it_is_not_ready(start):
    gateway = await start(3600, 30)
    await gateway.listen()
    gateway.tell(signal.SIGTERM)
    await gateway.drains()
    assert (await gateway.ask("/x")).endswith(OK)
    assert (await gateway.ask("/health")).startswith(b"HTTP/1.1 503 ")
    gateway.tell(signal.SIGTERM)
    assert (await gateway.ended())[0] == 0


async def test_what_outlives_the_grace_is_cancelled_and_settled(start):
    gateway = await start(0, 0.2)
    await gateway.listen()
    readers = await gateway.hold(20)
    gateway.tell(signal.SIGTERM)
    for reader in readers:
        answer = await asyncio.wait_for(reader.read(), PATIENCE)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"\r\nconnection: close\r\n" in answer
    code, closed = await gateway.ended()
    assert (code, closed["cancelled"], closed["settled"]) == (0, 20, 20)
    assert closed["dismissed"] == 20


async def test_a_second_signal_ends_the_grace_and_still_settles(start):
    gateway = await start(0, 3600)
    await gateway.listen()
    await gateway.hold(20)
    gateway.tell(signal.SIGTERM)
    await gateway.stops_listening()
    gateway.tell(signal.SIGINT)
    gateway.tell(signal.SIGTERM)
    code, closed = await gateway.ended()
    assert (code, closed["cancelled"], closed["settled"]) == (0, 20, 20)
    assert closed["dismissed"] == 20


class Visitors:
    """Clients of both habits, none with a pause, as a load balancer would send them.

    New connections stop coming once the gateway says that it is not ready.
    """

    def __init__(self, gateway, number, **tls):
        self.gateway = gateway
        self.tls = tls
        self.sent_away = asyncio.Event()
        habits = [self.come_and_go, self.stay] * number
        self.tasks = [asyncio.create_task(habit()) for habit in habits]

    async def come_and_go(self):
        """Make a connection for each request; return how many were answered."""
        answered = 0
        while not self.sent_away.is_set():
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", self.gateway.port, **self.tls
            )
            writer.write(a_get("/x", "Connection: close"))
            assert (await asyncio.wait_for(reader.read(), PATIENCE)).endswith(OK)
            answered += 1
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        return answered

    async def stay(self):
        """Ask on one connection for as long as it is kept; return how many were answered."""
        reader, writer = await self.gateway.dial(**self.tls)
        answered = 0
        while True:
            writer.write(a_get("/x"))
            answer = await asyncio.wait_for(reader.readuntil(OK), PATIENCE)
            answered += 1
            if b"\r\nconnection: close\r\n" in answer:
                return answered

    async def leave(self):
        """Stop the gateway; return how many requests of each visitor were answered."""
        await asyncio.wait(self.tasks, timeout=0.3)
        self.gateway.tell(signal.SIGTERM)
        await self.gateway.drains()
        self.sent_away.set()
        return await asyncio.wait_for(asyncio.gather(*self.tasks), PATIENCE)


async def test_a_stop_under_load_fails_no_request(start):
    gateway = await start(2, 30)
    await gateway.listen()
    answered = await Visitors(gateway, 8).leave()
    code, closed = await gateway.ended()
    assert code == 0
    assert closed["answered"] == sum(answered)
    assert min(answered) > 1


async def test_rotations_and_a_stop_under_load_over_tls_fail_no_request(start, authority, tmp_path):
    authority.issue(tmp_path, "server", "first")
    gateway = await start(2, 30, tmp_path)
    assert (await gateway.listen())["gateway"].startswith("https://")
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.load_verify_locations(cadata=authority.pem.decode())
    tls = {"ssl": client, "server_hostname": "localhost"}
    visitors = Visitors(gateway, 4, **tls)
    for name in ("second", "third"):
        authority.issue(tmp_path, "server", name)
        await served(gateway, tls, name)
    answered = await visitors.leave()
    code, closed = await gateway.ended()
    assert code == 0
    assert closed["answered"] == sum(answered)


async def served(gateway, tls, name):
    """Wait until a new connection is served this certificate."""
    async with asyncio.timeout(PATIENCE):
        while True:
            _, writer = await gateway.dial(**tls)
            shown = writer.get_extra_info("peercert")["subject"]
            if shown == ((("commonName", name),),):
                return


class StillHouse:
    """A house that does nothing, for tests in this process."""

    limits = None
    ready = accepting = True
    inside = 0

    def __init__(self, closes=True):
        self.closed = False
        self.closes = closes

    def dismiss(self):
        """Hold nobody."""

    async def close(self):
        if not self.closes:
            await asyncio.Event().wait()
        self.closed = True


async def test_an_address_in_use_is_refused_and_the_house_is_closed(loop):
    house, stopping = StillHouse(), Stopping()
    taken = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
    address = Address(*taken.sockets[0].getsockname())
    for ports in ((address, Address("127.0.0.1", 0)), (Address("127.0.0.1", 0), address)):
        with pytest.raises(Misconfigured, match=rf"listen: {address} cannot be listened on"):
            await serve(house, Operations(house), *ports, None, stopping)
        assert house.closed
    taken.close()


async def test_all_addresses_in_use_are_told_at_once(loop):
    """Else the operator mends one a start."""
    house = StillHouse()
    taken = [await loop.create_server(asyncio.Protocol, "127.0.0.1", 0) for _ in range(2)]
    ports = [Address(*each.sockets[0].getsockname()) for each in taken]
    with pytest.raises(Misconfigured) as caught:
        await serve(house, Operations(house), *ports, None, Stopping())
    told = str(caught.value).splitlines()
    assert [line.partition(" cannot")[0] for line in told] == [
        f"listen: {ports[0]}",
        f"operations.listen: {ports[1]}",
    ]
    for each in taken:
        each.close()


async def test_a_house_that_does_not_close_does_not_hold_the_process_for_ever(loop, monkeypatch):
    monkeypatch.setattr(server, "CLOSE_SECONDS", 0.01)
    house, port = StillHouse(closes=False), Address("127.0.0.1", 0)
    serving = asyncio.create_task(serve(house, Operations(house), port, port, None, Stopping()))
    await asyncio.sleep(0)
    serving.cancel()
    with pytest.raises(Failure, match="did not close"):
        await serving
