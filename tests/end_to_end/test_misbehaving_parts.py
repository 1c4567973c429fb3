"""Whatever one part of a plugin does, the client is answered in time and the next one is served.

A part of every hook raises, raises past ``except Exception``, asks the interpreter to end,
cancels itself, hangs, or answers junk, in a gateway's process of its own.
"""

import asyncio
import json
import time
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest

ODD = Path(__file__).parent / "misbehaving" / "odd.py"
WAYS = ("broken", "collapses", "exits", "cancels", "slow", "junk")
RAISED = ("broken", "collapses", "exits", "cancels")
PATIENCE_SECONDS = 15
PART_SECONDS = 0.3
ODD_ROUTE = {"id": "odd", "path": "/odd/", "upstream": "odd", "tariff": "flat"}
PERMIT_ALL = {"id": "all", "effect": "permit", "agents": ["*"], "routes": ["*"]}


class Household:
    """A gateway with odd plugins, and the switch that says which of them misbehaves."""

    def __init__(self, gateway, switch):
        self.gateway = gateway
        self._switch = switch

    def switch(self, part="", way=""):
        self._switch.write_text(f"{part} {way}")

    async def call(self, path="/paid/x"):
        """Return the status, and the problem's code or the body or why there is none."""
        headers = self.gateway.authorization | {
            "X-Caracal-Nonce": uuid4().hex,
            "X-Caracal-Timestamp": str(int(time.time())),
        }
        async with (
            asyncio.timeout(PATIENCE_SECONDS),
            aiohttp.ClientSession() as session,
            session.get(self.gateway.url + path, headers=headers) as reply,
        ):
            try:
                text = await reply.text()
            except aiohttp.ClientPayloadError:
                return reply.status, "cut"
            problem = reply.content_type == "application/problem+json"
            return reply.status, json.loads(text)["code"] if problem else text

    async def assert_answers(self, expected, part, ways, path="/paid/x"):
        """Let the part misbehave in each of the ways; after each of them the next call is good."""
        for way in ways:
            self.switch(part, way)
            assert await self.call(path) == expected, (part, way)
            self.switch()
            assert await self.call(path) == (200, "ok"), (part, way)


@pytest.fixture
async def household(gateway, origin, packages, tmp_path):
    """Furnish a gateway with the named odd plugins."""

    async def furnish(*kinds, **settings):
        for kind in kinds:
            name = kind.title().replace("_", "")
            packages.add(f"odd_{kind}", code=ODD.read_text(), attribute=f"{name}Plugin")
        switch = tmp_path / "switch"
        switch.touch()
        environment = {"PYTHONPATH": str(packages.directory), "ODD_SWITCH": str(switch)}
        one = await gateway(
            origin.url,
            environment=environment,
            plugins=[f"odd_{kind}" for kind in kinds],
            part_timeout=PART_SECONDS,
            settle_timeout=PART_SECONDS,
            **settings,
        )
        return Household(one, switch)

    return furnish


async def entries(gateway):
    """Stop, and return how holds ended, by cause; none may be left."""
    await gateway.stop()
    assert await gateway.open_holds() == []
    found = await gateway.entries()
    return {key: found.count(key) for key in found}


async def test_a_part_before_the_hold_makes_it_503_and_costs_nothing(household, origin):
    parts = ("router", "authenticator", "replay_guard", "policy", "tariff")
    odd = await household(*parts)
    for part in parts:
        await odd.assert_answers((503, "unavailable"), part, WAYS)
    calls = len(parts) * len(WAYS)
    assert len(origin.received) == calls
    _, text = await odd.gateway.operator_sees("/metrics")
    failures = [line for line in text.splitlines() if line.startswith("caracal_failures_total{")]
    assert sum(float(line.split()[-1]) for line in failures) == calls
    assert len(failures) == len(parts)
    assert await entries(odd.gateway) == {("posted", "0.25", "reply"): calls}


async def test_an_upstream_and_a_reply_filter_settle_what_was_held(household):
    """Before the first byte left for the upstream nothing is due; after it the route's rule is."""
    odd = await household("upstream", "reply_filter", routes=[ODD_ROUTE], policies=[PERMIT_ALL])
    await odd.assert_answers((503, "unavailable"), "send", RAISED, "/odd/x")
    await odd.assert_answers((503, "unavailable"), "upstream", {*WAYS} - {"slow"}, "/odd/x")
    await odd.assert_answers((504, "upstream_timeout"), "upstream", ["slow"], "/odd/x")
    await odd.assert_answers((200, "cut"), "body", RAISED, "/odd/x")
    await odd.assert_answers((503, "unavailable"), "reply_filter", WAYS, "/odd/x")
    good = len(RAISED) * 2 + len(WAYS) * 2
    assert await entries(odd.gateway) == {
        ("posted", "0.25", "reply"): good,
        ("voided", "0", "not_sent"): len(RAISED) + len(WAYS),
        ("posted", "0.25", "cut"): len(RAISED) + len(WAYS),
    }


async def test_a_meter_spoils_no_reply(household):
    """What it cannot read costs what was held."""
    odd = await household("meter")
    for verb in ("recognise", "feed", "cost", "known"):
        await odd.assert_answers((200, "ok"), verb, (*RAISED, "junk"))
    calls = 2 * 4 * (len(RAISED) + 1)
    assert await entries(odd.gateway) == {("posted", "0.25", "reply"): calls}


async def test_an_observer_that_misses_a_story_is_counted_and_the_others_are_told(household, until):
    odd = await household("observer")
    for way in WAYS:
        before = await odd.gateway.metric("caracal_stories_lost_total")
        odd.switch("observer", way)
        assert await odd.call() == (200, "ok"), way

        async def missed(before=before):
            return await odd.gateway.metric("caracal_stories_lost_total") > before

        await until(missed)
        odd.switch()
        assert await odd.call() == (200, "ok"), way
    calls = 2 * len(WAYS)
    assert await entries(odd.gateway) == {("posted", "0.25", "reply"): calls}
    assert len(odd.gateway.stories) == calls


async def test_a_health_check_and_an_endpoint_trouble_nobody_else(household, until):
    odd = await household("health", "endpoint")
    hanging = asyncio.create_task(odd.gateway.operator_sees("/-/odd_endpoint/hanging"))
    faults = {
        "broken": "raised BrokenOnPurposeError",
        "collapses": "raised CollapseError",
        "exits": "raised SystemExit",
        "cancels": "raised CancelledError",
        "slow": "took longer than 2 s",
        "junk": "answered with a Junk",
    }
    for way in WAYS:
        odd.switch("endpoint", way)
        if way != "slow":
            assert (await odd.gateway.operator_sees("/-/odd_endpoint"))[0] == 503
        odd.switch("health", way)

        async def told(way=way):
            status, text = await odd.gateway.operator_sees("/health/ready")
            return status == 503 and faults[way] in text

        await until(told)
        assert (await odd.gateway.operator_sees("/health/live"))[0] == 200
        assert await odd.call() == (200, "ok")
    odd.switch()

    async def well():
        return (await odd.gateway.operator_sees("/health/ready"))[0] == 200

    await until(well)
    assert await odd.gateway.operator_sees("/-/odd_endpoint") == (200, '"well"')
    assert (await hanging)[0] == 503


async def test_a_ledger_is_told_to_void_whatever_it_did(household):
    """A hold whose reserve failed may stand all the same, so it is voided; posts are its own.

    This ledger works in tasks of its own, and `SystemExit` in a task ends a process by
    asyncio's own rule, so it does not ask for that.
    """
    ways = [way for way in WAYS if way != "exits"]
    odd = await household("ledger")
    await odd.assert_answers((503, "unavailable"), "reserve", ways)
    for way in ways:
        odd.switch("post", way)
        assert await odd.call() == (503, "unavailable"), way
    odd.switch()
    assert await odd.call() == (200, "ok")
    told = json.loads((await odd.gateway.operator_sees("/-/odd_ledger"))[1])
    refused = 4 * len(ways)
    assert told[:refused] == ["reserve", "void", "reserve", "post"] * len(ways)
    assert told[refused:] == ["reserve", "post"] * (len(ways) + 1)
