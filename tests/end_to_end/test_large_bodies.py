"""A gigabyte up and down, at the pace of whoever takes it, in little of the gateway's memory."""

import asyncio
import os
import zlib

import aiohttp
import pytest
from aiohttp import web

GIGABYTE = 2**30
MOST_GROWTH = 50 * 2**20
MOST_UNDER_WAY = 32 * 2**20
BLOCK = os.urandom(2**20 - 1)  # of an odd length, so that no piece fits another's place
LOOK_SECONDS, STILL_LOOKS = 0.1, 5
BIG = {
    "id": "big",
    "path": "/big/",
    "strip_prefix": True,
    "upstream": "u",
    "tariff": "flat",
    "max_request_size_mb": 1024,
}
PERMIT = {"id": "big", "effect": "permit", "agents": ["*"], "routes": ["big"]}

pytestmark = pytest.mark.parametrize("declared", [True, False], ids=["declared", "chunked"])


def gigabyte():
    """Yield the body piece by piece."""
    left = GIGABYTE
    while left:
        yield BLOCK[:left]
        left -= min(left, len(BLOCK))


@pytest.fixture(scope="module")
def checksum():
    """What the body comes to."""
    value = 0
    for block in gigabyte():
        value = zlib.crc32(block, value)
    return value


class Memory:
    """How much a gateway's memory grew at most, as often as somebody looked."""

    def __init__(self, gateway):
        self._gateway = gateway
        self._before = gateway.resident_bytes
        self.growth = 0

    def look(self):
        self.growth = max(self.growth, self._gateway.resident_bytes - self._before)


class Taken:
    """What somebody took of a body, with an eye on the gateway's memory."""

    def __init__(self, memory=None):
        self._memory = memory
        self.length = self.checksum = 0

    async def all_of(self, content):
        async for data in content.iter_any():
            self.length += len(data)
            self.checksum = zlib.crc32(data, self.checksum)
            if self._memory:
                self._memory.look()


class Warehouse:
    """An upstream that takes and gives a gigabyte; it takes none before it is `open`."""

    def __init__(self):
        self.open = asyncio.Event()
        self.given = 0
        self.taken = Taken()
        self.framing = None
        self.url = None

    async def take(self, request):
        self.framing = (
            request.headers.get("Content-Length"),
            request.headers.get("Transfer-Encoding"),
        )
        await self.open.wait()
        await self.taken.all_of(request.content)
        return web.Response(text="taken")

    async def give(self, request):
        reply = web.StreamResponse()
        if request.match_info["framing"] == "declared":
            reply.content_length = GIGABYTE
        else:
            reply.enable_chunked_encoding()
        await reply.prepare(request)
        for block in gigabyte():
            await reply.write(block)
            self.given += len(block)
        return reply


@pytest.fixture
async def warehouse(site):
    warehouse = Warehouse()
    give, take = web.get("/{framing}", warehouse.give), web.post("/", warehouse.take)
    warehouse.url = await site(give, take)
    return warehouse


class Upload:
    """The body of a request, whose sender watches the gateway's memory."""

    def __init__(self, memory):
        self._memory = memory
        self.sent = 0

    async def __aiter__(self):
        for block in gigabyte():
            yield block
            self.sent += len(block)
            self._memory.look()


async def come_to_rest(read):
    """Wait until a number has begun to grow and does so no more."""
    seen, still = 0, 0
    while still < STILL_LOOKS:
        await asyncio.sleep(LOOK_SECONDS)
        now = read()
        still = still + 1 if now == seen > 0 else 0
        seen = now


@pytest.fixture
async def client(gateway, warehouse):
    """A gateway with a route for the body, how its memory grows, and a client of it."""
    one = await gateway(warehouse.url, routes=[BIG], policies=[PERMIT])
    async with one.client(timeout=aiohttp.ClientTimeout(total=60)) as session:
        yield one, Memory(one), session


async def test_up(client, warehouse, declared, checksum):
    """The client waits while the upstream takes nothing; then all of it arrives."""
    one, memory, session = client
    upload = Upload(memory)
    length = {"Content-Length": str(GIGABYTE)} if declared else {}
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(_text(session.post("/big/", data=upload, headers=length)))
        await come_to_rest(lambda: upload.sent)
        assert upload.sent < MOST_UNDER_WAY
        warehouse.open.set()
    assert asking.result() == (200, "taken")
    assert (warehouse.taken.length, warehouse.taken.checksum) == (GIGABYTE, checksum)
    assert warehouse.framing == ((str(GIGABYTE), None) if declared else (None, "chunked"))
    assert memory.growth < MOST_GROWTH
    await one.stop()
    assert await one.entries() == [("posted", "0.25", "reply")]


async def test_down(client, warehouse, declared, checksum):
    """The upstream waits while the client takes nothing; then all of it arrives."""
    one, memory, session = client
    taken = Taken(memory)
    async with session.get("/big/declared" if declared else "/big/chunked") as reply:
        await come_to_rest(lambda: warehouse.given)
        assert warehouse.given < MOST_UNDER_WAY
        await taken.all_of(reply.content)
    assert (taken.length, taken.checksum) == (GIGABYTE, checksum)
    assert reply.headers.get("Content-Length") == (str(GIGABYTE) if declared else None)
    assert memory.growth < MOST_GROWTH
    await one.stop()
    assert await one.entries() == [("posted", "0.25", "reply")]


async def _text(asking):
    async with asking as reply:
        return reply.status, await reply.text()
