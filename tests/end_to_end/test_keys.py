"""One ``Idempotency-Key`` is charged once over real HTTP, on both stores, at any gateway."""

import asyncio
from http import HTTPStatus

import pytest
from aiohttp import web

AGENT, AT_ONCE = "agent-1", 20


class Desk:
    """An upstream that counts its calls, and answers with the status it was given.

    Attributes:
        calls: how many requests came.
        status: what it answers.
        open: clear it to keep calls waiting.
    """

    def __init__(self):
        self.calls, self.status, self.open = 0, 200, asyncio.Event()
        self.open.set()

    async def answer(self, request):
        self.calls += 1
        await request.read()
        await self.open.wait()
        return web.Response(status=self.status, text="done")


@pytest.fixture
async def desk(site):
    desk = Desk()
    desk.url = await site(web.route("*", "/{path}", desk.answer))
    yield desk
    desk.open.set()


async def ask(one, key, *, path="x", body=b"{}"):
    """Return the status, the charge that is named, and the code."""
    async with (
        one.client() as client,
        client.post(f"/paid/{path}", data=body, headers={"Idempotency-Key": key}) as reply,
    ):
        if reply.status in (HTTPStatus.CONFLICT, HTTPStatus.PAYMENT_REQUIRED):
            said = await reply.json(content_type="application/problem+json")
            assert reply.headers["x-should-retry"] == "false"
            return reply.status, said.get("charge"), said["code"]
        await reply.read()
        return reply.status, reply.headers.get("X-Caracal-Charge-Id"), None


async def test_what_was_charged_is_neither_forwarded_nor_charged_again(gateway, desk, environment):
    one = await gateway(desk.url, environment=environment)
    status, charge, _ = await ask(one, "k")
    assert status == 200
    assert await ask(one, "k") == (409, charge, "already_charged")
    assert (await ask(one, "k", body=b"[]"))[::2] == (409, "idempotency_key_reused")
    assert (await ask(one, "k", path="y"))[::2] == (409, "idempotency_key_reused")
    assert (await ask(one, "other"))[0] == 200
    await one.stop()
    assert desk.calls == 2
    assert await one.entries() == [("posted", "0.25", "reply")] * 2


async def test_a_voided_try_is_done_again_under_the_same_charge(gateway, desk, environment):
    one = await gateway(desk.url, environment=environment)
    desk.status = 500
    status, charge, _ = await ask(one, "k")
    assert status == 500
    assert await ask(one, "k") == (500, charge, None)
    desk.status = 200
    assert await ask(one, "k") == (200, charge, None)
    assert await ask(one, "k") == (409, charge, "already_charged")
    await one.stop()
    assert desk.calls == 3
    ends = [(kind, cause) for kind, _, cause in await one.entries()]
    assert sorted(ends) == [("posted", "reply"), *[("voided", "error_status")] * 2]


async def test_of_many_at_once_one_is_done_also_at_two_gateways(
    gateway, desk, environment, tmp_path
):
    ones = [await gateway(desk.url, environment=environment)]
    if environment:
        (tmp_path / "second").mkdir()
        ones.append(
            await gateway(desk.url, environment=environment, budget=None, home=tmp_path / "second")
        )
    desk.open.clear()
    asked = [asyncio.create_task(ask(ones[n % len(ones)], "k")) for n in range(AT_ONCE)]
    refused = []
    for answer in asyncio.as_completed(asked):
        refused.append(await answer)
        if len(refused) == AT_ONCE - 1:
            desk.open.set()
            break
    assert {(status, code) for status, _, code in refused} == {(409, "idempotency_in_flight")}
    done = [await task for task in asked]
    (charge,) = [charge for status, charge, _ in done if status == HTTPStatus.OK]
    # Who was refused beside a first try that had to wait for a new window may have been told of it.
    assert sorted(status for status, _, _ in done) == [200] + [409] * (AT_ONCE - 1)
    assert {await ask(one, "k") for one in ones} == {(409, charge, "already_charged")}
    assert desk.calls == 1
    for one in ones:
        await one.stop()
    assert await ones[0].entries() == [("posted", "0.25", "reply")]


async def test_a_try_that_no_budget_covers_leaves_its_key_free(gateway, desk, environment):
    one = await gateway(desk.url, environment=environment, budget="0.1")
    assert (await ask(one, "k"))[::2] == (402, "budget_exceeded")
    await asyncio.to_thread(one.caracal, "budgets", "set", AGENT, "1", "USD")
    assert (await ask(one, "k", body=b"another"))[0] == 200
    await one.stop()
    assert desk.calls == 1
