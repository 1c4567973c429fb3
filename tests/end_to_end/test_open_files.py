"""More clients than the limit of open files allows: the surplus is closed, nobody else suffers."""

import asyncio
import re
from contextlib import AsyncExitStack

OPEN_FILES = 256
CLIENTS = 400


async def answered(line):
    """Whether a connection is served; one that is not is closed without a word."""
    reader, writer = line
    try:
        writer.write(b"GET /health HTTP/1.1\r\nHost: g\r\n\r\n")
        async with asyncio.timeout(20):
            return (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
    except (ConnectionError, asyncio.IncompleteReadError):
        return False


async def call(session):
    async with session.get("/paid/x") as reply:
        await reply.read()
        return reply.status


async def test_the_surplus_is_closed_and_the_served_ones_and_operators_are_served(
    gateway, origin, until
):
    one = await gateway(origin.url, start=False)
    await one.start(open_files=OPEN_FILES)
    cap = int(re.search(r"no more than (\d+) connections of agents", one.log)[1])
    async with one.client() as session:
        assert await call(session) == 200
        async with AsyncExitStack() as stack:
            lines = await asyncio.gather(  # all at once: the surplus comes in one burst
                *(stack.enter_async_context(one.connected()) for _ in range(CLIENTS))
            )
            served = [line for line in lines if await answered(line)]
            assert len(served) == cap - 1
            for path in ("/health/ready", "/metrics"):
                assert (await one.operator_sees(path))[0] == 200
            assert await call(session) == 200
            assert await one.metric("process_open_fds") < OPEN_FILES
            assert all([await answered_again(line) for line in served])

        async def recovered():
            async with one.connected() as line:
                return await answered(line)

        await until(recovered)
        assert await call(session) == 200
    assert "Too many open files" not in one.log
    assert '"level": "ERROR"' not in one.log


async def answered_again(line):
    """Whether a connection that was served before still is."""
    reader, _ = line
    assert b"ok" in await reader.readexactly(len(b"ok"))
    return await answered(line)


async def test_too_few_files_to_serve_with_stop_the_start(gateway, origin):
    one = await gateway(origin.url, start=False)
    done = one.command("serve", open_files=64)
    assert done.returncode == 2
    assert "limit of open files: 64 are too few" in done.stderr
