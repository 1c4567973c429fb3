"""The real clients of OpenAI and Anthropic: what is posted is usage times price, exactly."""

import asyncio
import contextlib
import json
from fractions import Fraction
from math import ceil

import aiohttp
import anthropic
import openai
import pytest
from aiohttp import web

CHAT = {
    "prompt": "2.5",
    "cached": "1.25",
    "cache_write": "3.75",
    "completion": "10.000001",
    "max_input": 128_000,
    "max_output": 16_384,
}
TARIFF = {"currency": "USD", "per_call": "0.000003", "models": {"gpt-*": CHAT, "claude-x": CHAT}}
PROMPT, CACHED, WRITTEN, COMPLETION = 1013, 101, 57, 333
OPENAI = {
    "prompt_tokens": PROMPT,
    "completion_tokens": COMPLETION,
    "total_tokens": PROMPT + COMPLETION,
    "prompt_tokens_details": {"cached_tokens": CACHED},
}
RESPONSES = {
    "input_tokens": PROMPT,
    "output_tokens": COMPLETION,
    "total_tokens": PROMPT + COMPLETION,
    "input_tokens_details": {"cached_tokens": CACHED},
    "output_tokens_details": {"reasoning_tokens": 0},
}
ANTHROPIC = {
    "input_tokens": PROMPT,
    "cache_read_input_tokens": CACHED,
    "cache_creation_input_tokens": WRITTEN,
    "output_tokens": COMPLETION,
}
WORDS = ["one", "two", "three"]
HELLO = [{"role": "user", "content": "count"}]


def cost(prompt, cached=0, written=0, completion=0):
    """Return the whole cost as the price book has it, rounded up to the micro-unit once."""
    each = ((prompt, "2.5"), (cached, "1.25"), (written, "3.75"), (completion, "10.000001"))
    micro = 3 + sum((count * Fraction(price) for count, price in each), Fraction(0))
    return f"{ceil(micro) / 10**6:.6f}".rstrip("0")


OPENAI_COST = cost(PROMPT - CACHED, CACHED, 0, COMPLETION)
ANTHROPIC_COST = cost(PROMPT, CACHED, WRITTEN, COMPLETION)


class Stub:
    """An upstream that speaks enough of each protocol.

    Attributes:
        got: the body of each request.
        go_on: cleared, a stream stops after its first word until it is set, and a plain reply
            does not begin.
    """

    def __init__(self):
        self.got, self.go_on, self.url = [], asyncio.Event(), None
        self.go_on.set()

    async def answer(self, request):
        self.got.append(await request.read())
        asked = json.loads(self.got[-1])
        make = getattr(self, request.path.rpartition("/")[2])
        whole, events = make(asked)
        if asked.get("stream"):
            return await self._stream(request, events)
        await self.go_on.wait()
        return web.json_response(whole)

    async def _stream(self, request, events):
        reply = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await reply.prepare(request)
        for place, event in enumerate(events):
            if place == 2:
                await self.go_on.wait()
            name = f"event: {event['type']}\n" if "type" in event else ""
            await reply.write(f"{name}data: {json.dumps(event)}\n\n".encode())
        if "type" not in events[0]:
            await reply.write(b"data: [DONE]\n\n")
        return reply

    def completions(self, asked):
        head = {"id": "c", "created": 1, "model": "gpt-x-2026"}
        message = {"role": "assistant", "content": " ".join(WORDS)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        whole = head | {"object": "chat.completion", "choices": [choice], "usage": OPENAI}
        chunk = head | {"object": "chat.completion.chunk"}
        says = (asked.get("stream_options") or {}).get("include_usage")
        null = {"usage": None} if says else {}
        deltas = [{"index": 0, "delta": {"content": word}} for word in WORDS]
        events = [chunk | {"choices": [delta]} | null for delta in deltas]
        return whole, events + ([chunk | {"choices": [], "usage": OPENAI}] if says else [])

    def embeddings(self, asked):
        data = [{"object": "embedding", "index": 0, "embedding": [0.5]} for _ in asked["input"]]
        usage = {"prompt_tokens": PROMPT, "total_tokens": PROMPT}
        return {"object": "list", "model": "gpt-x", "data": data, "usage": usage}, []

    def responses(self, _asked):
        whole = {"id": "r", "object": "response", "created_at": 1, "model": "gpt-x", "output": []}
        whole |= {"parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
        done = whole | {"usage": RESPONSES}
        events = [
            {"type": "response.created", "response": whole, "sequence_number": 0},
            {"type": "response.completed", "response": done, "sequence_number": 1},
        ]
        return done, events

    def messages(self, _asked):
        head = {"id": "m", "type": "message", "role": "assistant", "model": "claude-x"}
        head |= {"stop_reason": None, "stop_sequence": None}
        whole = head | {"content": [{"type": "text", "text": "one"}], "usage": ANTHROPIC}
        start = head | {"content": [], "usage": ANTHROPIC | {"output_tokens": 1}}
        block = {"index": 0, "content_block": {"type": "text", "text": ""}}
        word = {"index": 0, "delta": {"type": "text_delta", "text": "one"}}
        ended = {"delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": COMPLETION}}
        events = [
            {"type": "message_start", "message": start},
            {"type": "content_block_start"} | block,
            {"type": "content_block_delta"} | word,
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta"} | ended,
            {"type": "message_stop"},
        ]
        return whole, events


@pytest.fixture
async def stub(site):
    stub = Stub()
    stub.url = await site(web.post("/v1/{path:.*}", stub.answer))
    yield stub
    stub.go_on.set()


@pytest.fixture
async def one(gateway, stub):
    return await gateway(stub.url, tariffs={"flat": TARIFF})


@pytest.fixture
async def gpt(one):
    """OpenAI's client."""
    async with openai.AsyncOpenAI(
        base_url=f"{one.url}/paid/v1", api_key=one.token, max_retries=0
    ) as client:
        yield client


@pytest.fixture
async def claude(one):
    """Anthropic's client."""
    async with anthropic.AsyncAnthropic(
        base_url=f"{one.url}/paid", auth_token=one.token, max_retries=0
    ) as client:
        yield client


async def posted(one):
    """Return what was posted, once the gateway has stopped, and how that came about."""
    await one.stop()
    return [
        (kind, amount, story["basis"], story["price"].partition("@")[0])
        for (kind, amount, _), story in zip(await one.entries(), one.stories, strict=True)
    ]


BY_GPT = ("posted", OPENAI_COST, "metered", "flat/gpt-*")
BY_CLAUDE = ("posted", ANTHROPIC_COST, "metered", "flat/claude-x")


async def test_completions_plain_and_streamed(gpt, one, stub):
    """The client that did not ask for usage gets none, and all the rest."""
    done = await gpt.chat.completions.create(model="gpt-x", messages=HELLO)
    assert done.usage.prompt_tokens == PROMPT
    stream = await gpt.chat.completions.create(model="gpt-x", messages=HELLO, stream=True)
    chunks = [chunk async for chunk in stream]
    assert [chunk.choices[0].delta.content for chunk in chunks] == WORDS
    assert b'"stream_options":{"include_usage":true}' in stub.got[1]
    assert await posted(one) == [BY_GPT] * 2


async def test_a_client_that_asks_for_usage_gets_it(gpt, one):
    stream = await gpt.chat.completions.create(
        model="gpt-x", messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == COMPLETION
    assert await posted(one) == [BY_GPT]


async def test_responses_plain_and_streamed(gpt, one, stub):
    done = await gpt.responses.create(model="gpt-x", input="count")
    assert done.usage.output_tokens == COMPLETION
    stream = await gpt.responses.create(model="gpt-x", input="count", stream=True)
    assert [event.type async for event in stream] == ["response.created", "response.completed"]
    assert b"stream_options" not in stub.got[1]
    assert await posted(one) == [BY_GPT] * 2


async def test_embeddings(gpt, one):
    done = await gpt.embeddings.create(model="gpt-x", input=["a", "b"], encoding_format="float")
    assert len(done.data) == 2
    assert await posted(one) == [("posted", cost(PROMPT), "metered", "flat/gpt-*")]


async def test_messages_plain_and_streamed(claude, one, stub):
    asked = {"model": "claude-x", "messages": HELLO, "max_tokens": 400}
    done = await claude.messages.create(**asked)
    assert done.usage.output_tokens == COMPLETION
    async with claude.messages.stream(**asked) as stream:
        words = [text async for text in stream.text_stream]
        assert (await stream.get_final_message()).usage.output_tokens == COMPLETION
    assert words == ["one"]
    assert b"stream_options" not in stub.got[1]
    assert await posted(one) == [BY_CLAUDE] * 2


async def test_clients_that_hang_up_midway_pay_for_the_usage(gpt, claude, one, stub, until):
    stub.go_on.clear()
    stream = await gpt.chat.completions.create(model="gpt-x", messages=HELLO, stream=True)
    await anext(aiter(stream))
    await stream.close()
    other = await claude.messages.create(
        model="claude-x", messages=HELLO, max_tokens=400, stream=True
    )
    await anext(aiter(other))
    await other.close()
    stub.go_on.set()

    async def is_empty():
        return await one.metric("caracal_exchanges_in_flight") == 0

    await until(is_empty)
    assert sorted(await posted(one)) == sorted([BY_GPT, BY_CLAUDE])


async def test_clients_that_lose_patience_with_a_plain_reply_pay_for_the_usage(
    gpt, claude, one, stub, until
):
    """Nothing of it comes before all of it is written, so that they leave before its head."""
    stub.go_on.clear()
    asking = [
        asyncio.create_task(gpt.chat.completions.create(model="gpt-x", messages=HELLO)),
        asyncio.create_task(
            claude.messages.create(model="claude-x", messages=HELLO, max_tokens=400)
        ),
    ]

    async def came():
        return len(stub.got) == len(asking)

    async def is_empty():
        return await one.metric("caracal_exchanges_in_flight") == 0

    await until(came)
    for call in asking:
        call.cancel()
    await asyncio.wait(asking)
    stub.go_on.set()
    await until(is_empty)
    assert sorted(await posted(one)) == sorted([BY_GPT, BY_CLAUDE])


async def test_what_cannot_be_priced_is_refused_and_nothing_asked(gpt, one, stub):
    with pytest.raises(openai.BadRequestError) as refusal:
        await gpt.chat.completions.create(model="other", messages=HELLO)
    assert "its model has no price" in refusal.value.response.json()["detail"]
    with pytest.raises(openai.BadRequestError):
        await gpt.chat.completions.create(model="gpt-x", messages=HELLO, max_tokens=-1)
    assert stub.got == []
    await one.stop()
    assert await one.entries() == []


async def test_a_price_that_is_set_is_in_force_within_seconds(gpt, one, until, tmp_path):
    """And entries name the version that they were priced by."""
    first = one.listed("prices", "list")[0]["version"]
    await gpt.chat.completions.create(model="gpt-x", messages=HELLO)
    price = tmp_path / "price.yaml"
    price.write_text(json.dumps({"currency": "USD", "per_call": "0.5"}))
    one.caracal("prices", "set", "flat", str(price))

    async def is_dearer():
        raw = await gpt.chat.completions.with_raw_response.create(model="x", messages=HELLO)
        return raw.headers["x-caracal-cost"] == "0.5"

    async def is_in_force():
        try:
            return await is_dearer()
        except openai.BadRequestError:  # the old price knows no such model
            return False

    await until(is_in_force)
    names = [each["version"] for each in one.listed("prices", "history", "flat")]
    assert names == [first, "1"]
    await one.stop()
    paid = [story["price"] for story in one.stories if story["price"]]
    assert paid == [f"flat/gpt-*@{first}", "flat@1"]
    assert json.loads(one.caracal("prices", "show", paid[0], "--json"))["models"]["gpt-*"] == CHAT


@pytest.mark.parametrize("framing", ["sized", "chunked"])
async def test_a_usage_that_was_read_whole_is_posted_whatever_the_framing(
    gateway, stub, monkeypatch, framing
):
    """`on_overrun: cut` may end what is not spent yet; what is known to be spent is posted."""

    def by_chunks(whole):
        reply = web.Response(body=json.dumps(whole).encode(), content_type="application/json")
        reply.enable_chunked_encoding()
        return reply

    if framing == "chunked":
        monkeypatch.setitem(globals(), "_json", by_chunks)
    route = {"id": "cut", "path": "/cut/", "upstream": "u", "strip_prefix": True}
    route |= {"tariff": "flat", "on_overrun": "cut"}
    everything = {"id": "all", "effect": "permit", "agents": ["*"], "routes": ["*"]}
    one = await gateway(stub.url, tariffs={"flat": TARIFF}, routes=[route], policies=[everything])
    asked = {"model": "gpt-x", "messages": HELLO, "max_tokens": 1}
    async with one.client() as client:
        with contextlib.suppress(aiohttp.ClientError):
            async with client.post("/cut/v1/chat/completions", json=asked) as reply:
                await reply.read()
    await one.stop()
    assert [amount for _, amount, _ in await one.entries()] == [OPENAI_COST]


BY_UNIT = {"per_unit": {"price": "0.01", "header": "x-pages", "most_units": 5}}
BY_BYTE = {"per_reply_byte": "0.000001", "most_reply_bytes": 50_000}


@pytest.mark.parametrize(("terms", "least"), [(BY_UNIT, 10), (BY_BYTE, 30)])
async def test_who_leaves_a_long_reply_pays_for_what_is_known_to_be_used(
    gateway, site, until, terms, least
):
    """More is left of the reply than is read on; that must not make it cheaper."""

    async def pages(request):
        reply = web.StreamResponse(headers={"X-Pages": "1000"})
        await reply.prepare(request)
        with contextlib.suppress(ConnectionError):
            for _ in range(64):
                await reply.write(bytes(2**20))
        return reply

    one = await gateway(
        await site(web.get("/x", pages)), tariffs={"flat": {"currency": "USD"} | terms}
    )
    async with one.connected() as (reader, writer):
        head = f"GET /paid/x HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer {one.token}\r\n\r\n"
        writer.write(head.encode())
        for _ in range(32):
            await reader.readexactly(2**20)
        writer.transport.abort()

    async def is_empty():
        return await one.metric("caracal_exchanges_in_flight") == 0

    async def is_told():
        return await one.metric("caracal_charges_overrun_total") == 1

    await until(is_empty)
    await until(is_told)
    await one.stop()
    ((kind, amount, cause),) = await one.entries()
    assert (kind, cause) == ("posted", "client_gone")
    assert float(amount) >= least
