"""The real client of OpenAI's API, pointed at the gateway: plain and streamed completions."""

import asyncio
import json

import openai
import pytest
from aiohttp import web

WORDS = ["one", "two", "three"]


class Stub:
    """An upstream that speaks enough of the protocol, and holds its last word back."""

    def __init__(self):
        self.credentials = []
        self.finish = asyncio.Event()
        self.url = None

    async def complete(self, request):
        self.credentials.append((request.headers.get("Authorization"), request.path))
        asked = await request.json()
        if asked.get("stream"):
            return await self._stream(request)
        message = {"role": "assistant", "content": " ".join(WORDS)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return web.json_response(self._document("chat.completion", choice))

    async def _stream(self, request):
        reply = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await reply.prepare(request)
        for word in WORDS:
            if word == WORDS[-1]:
                await self.finish.wait()
            choice = {"index": 0, "delta": {"content": word}, "finish_reason": None}
            event = json.dumps(self._document("chat.completion.chunk", choice))
            await reply.write(f"data: {event}\n\n".encode())
        await reply.write(b"data: [DONE]\n\n")
        return reply

    @staticmethod
    def _document(kind, choice):
        return {"id": "c", "object": kind, "created": 1, "model": "m", "choices": [choice]}


@pytest.fixture
async def stub():
    stub = Stub()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", stub.complete)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    stub.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield stub
    stub.finish.set()
    await runner.cleanup()


@pytest.fixture
async def client(gateway, stub, tmp_path):
    """A client of the gateway's paid route, and the gateway."""
    (tmp_path / "key").write_text("Bearer upstream-key\n")
    header = {"Authorization": {"secret_file": str(tmp_path / "key")}}
    one = await gateway(stub.url, upstream_keys={"headers": header})
    async with openai.AsyncOpenAI(
        base_url=f"{one.url}/paid/v1", api_key=one.token, max_retries=0
    ) as client:
        yield client, one


ASKED = {"model": "m", "messages": [{"role": "user", "content": "count"}]}


async def test_a_plain_completion_comes_back_and_is_paid(client, stub):
    client, one = client
    done = await client.chat.completions.create(**ASKED)
    assert done.choices[0].message.content == "one two three"
    assert stub.credentials == [("Bearer upstream-key", "/v1/chat/completions")]
    await one.stop()
    assert await one.entries() == [("posted", "0.25", "reply")]


async def test_a_streamed_completion_comes_word_by_word_while_the_upstream_is_at_it(client, stub):
    """The first words are here while the upstream has not finished: it waits for the test."""
    client, one = client
    stream = await client.chat.completions.create(**ASKED, stream=True)
    words = []
    async for chunk in stream:
        words.append(chunk.choices[0].delta.content)
        if len(words) == len(WORDS) - 1:
            assert not stub.finish.is_set()
            stub.finish.set()
    assert words == WORDS
    assert stub.credentials == [("Bearer upstream-key", "/v1/chat/completions")]
    await one.stop()
    assert await one.entries() == [("posted", "0.25", "reply")]


async def test_an_empty_budget_is_not_retried_by_the_client(gateway, stub):
    one = await gateway(stub.url, budget="0.10")
    async with openai.AsyncOpenAI(base_url=f"{one.url}/paid/v1", api_key=one.token) as client:
        with pytest.raises(openai.APIStatusError) as refusal:
            await client.chat.completions.create(**ASKED)
    assert refusal.value.status_code == 402
    assert refusal.value.response.json()["needed"] == "0.25"
    assert "does not cover this call's 0.25 USD" in str(refusal.value), "all that its users see"
    await one.stop()
    assert len(one.stories) == 1
    assert stub.credentials == []
