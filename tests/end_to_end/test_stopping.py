"""A stop loses nothing: what is in flight is finished, or in a hurry ended, and always settled."""

import asyncio
import json
import signal

import aiohttp
import pytest

HALF = 25
IN_FLIGHT = 2 * HALF
ENDINGS = {"post": ("posted", "0.25", "cut"), "void": ("voided", "0", "cut")}
SLOW = """
import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

from caracal_core.plugin import Config, Plugin, hookimpl, setting


class TheConfig(Config):
    mark: str = setting("", description="A file that is written when it begins to open for ever.")


class ThePlugin(Plugin):
    Config = TheConfig

    @hookimpl
    @asynccontextmanager
    async def lifespan(self, services):
        if self.config.mark:
            Path(self.config.mark).touch()
            await asyncio.Event().wait()
        yield
"""
STOPPED = "the gateway stopped and could not wait for the reply"


async def fetch(session, path):
    """Return the status and the text of a whole reply, or None where there is none."""
    try:
        async with session.get(path) as reply:
            return reply.status, await reply.text()
    except aiohttp.ClientError:
        return None


async def begin(session, patient, until, paths=HALF * ("/paid/later", "/paid/begun")):
    """Have requests in flight, every other one with its reply begun; return their tasks."""
    calls = [asyncio.create_task(fetch(session, path)) for path in paths]

    async def all_wait():
        return patient.waiting == len(calls)

    await until(all_wait)
    return calls


async def all_ended(calls):
    """Those without a reply hear 503, as the log says, and the begun replies are cut."""
    ends = await asyncio.gather(*calls)
    told = [(end[0], json.loads(end[1])["code"]) for end in ends if end is not None]
    assert told == [(503, "unavailable")] * (len(calls) // 2)


def drains(gateway):
    """Return the condition that a gateway says it is not ready."""

    async def not_ready():
        status, text = await gateway.operator_sees("/health/ready")
        faults = [check["name"] for check in json.loads(text)["checks"] if check["fault"]]
        return (status, faults) == (503, ["gateway"])

    return not_ready


def refuses(gateway):
    """Return the condition that a gateway takes no further connections."""

    async def refused():
        try:
            async with gateway.connected():
                return False
        except ConnectionRefusedError:
            return True

    return refused


async def answered_on(line):
    """Return the head of the next reply on a plain connection, and read its body."""
    reader, _ = line
    head = await reader.readuntil(b"\r\n\r\n")
    assert await reader.readexactly(len(b"done")) == b"done"
    return head


async def test_a_stop_finishes_what_is_in_flight(gateway, patient, until):
    """The gateway says that it is not ready, takes no connection, and ends every charge."""
    one = await gateway(patient.url)
    async with one.client() as session:
        calls = await begin(session, patient, until)
        one.signal(signal.SIGTERM)
        await until(drains(one))
        await until(refuses(one))
        assert (await one.operator_sees("/health/live"))[0] == 200
        assert not any(call.done() for call in calls)
        patient.release.set()
        assert await one.ended() == 0
        assert await asyncio.gather(*calls) == [(200, "done"), (200, "begun")] * HALF
    assert await one.entries() == [("posted", "0.25", "reply")] * IN_FLIGHT
    assert await one.open_holds() == []
    assert len(one.stories) == IN_FLIGHT


async def test_a_stop_answers_what_is_on_its_way_on_kept_connections(gateway, patient, until):
    """One request began before the stop; another waits in the kernel when the stop begins."""
    one = await gateway(patient.url)
    request = b"GET /paid/now HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer %b\r\n\r\n"
    request %= one.token.encode()
    async with one.client() as session, one.connected() as begun, one.connected() as kept:
        for line in (begun, kept):
            line[1].write(request)
            assert b"close" not in await answered_on(line)
        (call,) = await begin(session, patient, until, ["/paid/later"])
        begun[1].write(request[:9])
        one.signal(signal.SIGSTOP)
        one.signal(signal.SIGTERM)
        kept[1].write(request)
        one.signal(signal.SIGCONT)
        assert (await answered_on(kept)).startswith(b"HTTP/1.1 200 ")
        await until(drains(one))
        begun[1].write(request[9:])
        assert b"close" in await answered_on(begun)
        assert await begun[0].read() == b""
        patient.release.set()
        assert await one.ended() == 0
        assert await call == (200, "done")
    assert await one.entries() == [("posted", "0.25", "reply")] * 5


@pytest.mark.parametrize("rule", ENDINGS)
async def test_a_second_signal_ends_what_is_in_flight_and_settles_it(gateway, patient, until, rule):
    """Nobody waits for the upstream any more, no reply looks whole, no hold is left open.

    It is the gateway's doing and not the clients': the rule for what is cut applies.
    """
    other = "void" if rule == "post" else "post"
    one = await gateway(patient.url, settle={"cut": rule, "client_gone": other})
    async with one.client() as session:
        calls = await begin(session, patient, until)
        one.signal(signal.SIGTERM)
        await until(drains(one))
        one.signal(signal.SIGTERM)
        assert await one.ended() == 0
        await all_ended(calls)
    assert await one.entries() == [ENDINGS[rule]] * IN_FLIGHT
    assert await one.open_holds() == []
    assert [story["reason"] for story in one.stories] == [STOPPED] * IN_FLIGHT
    assert sorted(story["status"] for story in one.stories) == [200] * HALF + [503] * HALF


async def test_a_client_that_hangs_up_before_the_second_signal_is_gone(gateway, patient, until):
    """Two of four hang up while the gateway drains; it ends the other two itself."""
    one = await gateway(patient.url, settle={"cut": "post", "client_gone": "void"})
    async with one.client() as session:
        calls = await begin(session, patient, until, ["/paid/later", "/paid/begun"] * 2)
        one.signal(signal.SIGTERM)
        await until(drains(one))
        for call in calls[:2]:
            call.cancel()

        async def two_wait():
            return patient.waiting == 2

        await until(two_wait)
        one.signal(signal.SIGTERM)
        assert await one.ended() == 0
        await all_ended(calls[2:])
    assert (
        sorted(await one.entries()) == [ENDINGS["post"]] * 2 + [("voided", "0", "client_gone")] * 2
    )


async def test_a_stop_waits_no_longer_than_the_grace(gateway, patient, until):
    """An upstream that never answers cannot keep the gateway from stopping."""
    one = await gateway(patient.url, grace_timeout=0.1)
    async with one.client() as session:
        calls = await begin(session, patient, until)
        one.signal(signal.SIGTERM)
        assert await one.ended() == 0
        await all_ended(calls)
    assert await one.entries() == [ENDINGS["post"]] * IN_FLIGHT
    assert await one.open_holds() == []


async def test_a_stop_waits_for_no_reload(gateway, patient, until, packages, tmp_path):
    """A plugin that is opening would be waited for longer than the house may take to close."""
    packages.add("slow", code=SLOW)
    mark = tmp_path / "mark"
    environment = {"PYTHONPATH": str(packages.directory)}
    one = await gateway(patient.url, environment=environment, plugins=["slow"])
    async with one.client() as session:
        (call,) = await begin(session, patient, until, ["/paid/later"])
        one.settings["slow"] = {"mark": str(mark)}
        one.write()

        async def opening():
            return mark.exists()

        await until(opening)
        one.signal(signal.SIGTERM)
        await until(drains(one))
        patient.release.set()
        assert await call == (200, "done")
        assert await one.ended() == 0
    assert await one.entries() == [("posted", "0.25", "reply")]
    assert '"ERROR"' not in one.log
