"""An answer goes out whole or the connection is cut; the receipt comes before the last byte."""

import asyncio
from contextlib import suppress

import pytest

from caracal_core.domain import Headers, Reply
from caracal_core.edge import answer
from caracal_core.edge.answer import Answer
from caracal_core.edge.body import NoBody, StreamedBody
from caracal_core.errors import (
    Failure,
    NoRoute,
    PayloadTooLarge,
    Refusal,
    RequestTimeout,
    UpgradeRefused,
    UpstreamUnreachable,
)


class Told:
    """One answer on a line, and what was sent when it was settled."""

    def __init__(self, line, method="GET", body=None, **settings):
        self.line = line
        self.sent_at_settlement = None
        self.answer = Answer(
            line, "0" * 32, method, body or NoBody(), **{"keep_alive": True, **settings}
        )

    async def settle(self):
        self.sent_at_settlement = b"".join(self.line.sent)

    async def deliver(self, body, length=None, status=200):
        await self.answer.deliver(Reply(status, Headers(), body, length), self.settle)

    @property
    def sent(self):
        return b"".join(self.line.sent)

    @property
    def body(self):
        return self.sent.partition(b"\r\n\r\n")[2]

    @property
    def head(self):
        return self.sent.partition(b"\r\n\r\n")[0].decode() + "\r\n"


@pytest.fixture
def told(line_of):
    """Make an answer on a line without a socket."""
    return lambda *arguments, **settings: Told(line_of(), *arguments, **settings)


async def broken(*chunks):
    for chunk in chunks:
        yield chunk
    raise UpstreamUnreachable("upstream", "cut")


async def test_a_small_reply_is_one_write_after_its_settlement(told, stream):
    one = told()
    await one.deliver(stream(b"hello"), 5)
    assert len(one.line.sent) == 1
    assert one.sent_at_settlement == b""
    assert "content-length: 5\r\n" in one.head
    assert one.body == b"hello"
    assert one.answer.keeps_alive


async def test_the_last_bytes_of_a_sized_reply_wait_for_the_settlement(told, stream):
    one = told()
    await one.deliver(stream(b"he", b"", b"l", b"lo"), 5)
    assert one.sent_at_settlement.endswith(b"\r\n\r\nhel")
    assert one.body == b"hello"


async def test_the_end_of_a_stream_waits_for_the_settlement(told, stream):
    one = told()
    await one.deliver(stream(b"hello", b"", b"!"))
    assert one.sent_at_settlement.endswith(b"\r\n\r\n5\r\nhello\r\n1\r\n!\r\n")
    assert one.sent == one.sent_at_settlement + b"0\r\n\r\n"
    assert "transfer-encoding: chunked\r\n" in one.head
    assert one.answer.keeps_alive


async def test_an_empty_reply_waits_whole_for_the_settlement(told, stream):
    one = told()
    await one.deliver(stream(), 0)
    assert one.sent_at_settlement == b""
    assert "content-length: 0\r\n" in one.head


@pytest.mark.parametrize("status", [204, 304])
async def test_a_status_without_body_waits_whole_for_the_settlement(told, stream, status):
    one = told()
    await one.deliver(stream(b"junk"), None, status)
    assert one.sent_at_settlement == b""
    assert not one.body
    assert "content-length" not in one.head
    assert "transfer-encoding" not in one.head
    assert one.answer.keeps_alive


@pytest.mark.parametrize(("length", "shown"), [(5, True), (None, False)])
async def test_to_head_only_the_head_is_sent(told, stream, length, shown):
    one = told("HEAD")
    await one.deliver(stream(), length)
    assert not one.body
    assert ("content-length: 5\r\n" in one.head) is shown
    assert one.sent_at_settlement == b""


async def test_to_http_1_0_the_end_of_the_connection_ends_a_stream(told, stream):
    one = told(old=True, keep_alive=False)
    await one.deliver(stream(b"he", b"llo"))
    assert one.sent == one.sent_at_settlement
    assert one.body == b"hello"
    assert "transfer-encoding" not in one.head
    assert "connection: close\r\n" in one.head


async def test_a_stream_leaves_as_it_comes(told):
    """Head and each chunk are sent before the upstream has more to give."""
    one = told()

    async def body():
        assert one.head.startswith("HTTP/1.1 200 OK")
        yield b"a"
        assert one.body == b"1\r\na\r\n"
        yield b"b"
        assert one.body == b"1\r\na\r\n1\r\nb\r\n"

    await one.deliver(body())


async def test_the_first_part_of_a_sized_reply_leaves_as_it_comes(told):
    one = told()

    async def body():
        yield b"a"
        assert one.body == b"a"
        yield b"b"

    await one.deliver(body(), 2)


@pytest.mark.parametrize(
    ("chunks", "length"), [([b"hello"], None), ([b"he"], 5), ([], None)], ids=str
)
async def test_a_reply_that_breaks_after_its_head_cuts_the_connection(told, chunks, length):
    one = told()
    with pytest.raises(UpstreamUnreachable):
        await one.deliver(broken(*chunks), length)
    assert one.line.aborted
    assert one.sent_at_settlement is None
    assert not one.sent.endswith(b"0\r\n\r\n")
    before = one.sent
    await one.answer.refuse(UpstreamUnreachable("upstream", "cut"))
    assert one.sent == before
    assert not one.answer.keeps_alive


async def test_a_reply_that_breaks_before_its_head_is_answered(told):
    one = told()
    with pytest.raises(UpstreamUnreachable):
        await one.deliver(broken(), 5)
    assert not one.line.aborted
    await one.answer.refuse(UpstreamUnreachable("upstream", "cut"))
    assert one.head.startswith("HTTP/1.1 502 ")


@pytest.mark.parametrize("chunks", [[b"hell"], [b"hel", b"l"], [b"hello", b"!"], [b"hello!"], []])
async def test_a_reply_of_another_length_than_declared_never_ends_clean(told, stream, chunks):
    one = told()
    with pytest.raises(UpstreamUnreachable):
        await one.deliver(stream(*chunks), 5)
    assert one.line.aborted is one.answer.begun
    assert not one.body.startswith(b"hello")
    assert one.sent_at_settlement is None


@pytest.mark.parametrize(("method", "status"), [("GET", 200), ("HEAD", 200), ("GET", 304)])
async def test_a_body_that_is_not_read_to_its_end_is_ended(told, method, status):
    ended = []

    async def body():
        try:
            while True:
                yield b"hello!"
        finally:
            ended.append(True)

    one = told(method)
    with suppress(UpstreamUnreachable):
        await one.deliver(body(), 5, status)
    assert ended


async def test_a_body_that_does_not_end_is_not_waited_for(told, monkeypatch, caplog):
    monkeypatch.setattr(answer, "ABANDON_SECONDS", 0.01)

    async def body():
        try:
            yield b"hello!"
        finally:
            await asyncio.get_running_loop().create_future()

    one = told()
    with pytest.raises(UpstreamUnreachable):
        await one.deliver(body(), 5)
    assert "did not end" in caplog.text


async def test_a_settlement_that_fails_withholds_the_end(told, stream):
    async def fail():
        raise Failure("ledger", "not durable in time")

    for chunks, length in (([b"hello"], 5), ([b"hel", b"lo"], 5), ([b"hello"], None)):
        one = told()
        one.settle = fail
        with pytest.raises(Failure):
            await one.deliver(stream(*chunks), length)
        assert one.line.aborted is one.answer.begun
        assert not one.sent.endswith((b"hello", b"lo", b"0\r\n\r\n"))


async def test_a_broken_head_of_the_upstream_is_not_sent(told, stream):
    one = told()
    reply = Reply(200, Headers([("x-a", "b\r\nset-cookie: c")]), stream(b"hello"), 5)
    with pytest.raises(UpstreamUnreachable):
        await one.answer.deliver(reply, one.settle)
    assert not one.sent


async def test_a_client_that_hangs_up_is_cut(told, stream):
    one = told()

    async def gone(_):
        raise asyncio.CancelledError

    one.line.send = gone
    with pytest.raises(asyncio.CancelledError):
        await one.deliver(stream(b"hello"))
    assert one.line.aborted


async def test_a_request_is_answered_once(told, stream):
    one = told()
    await one.deliver(stream(b"hello"), 5)
    with pytest.raises(RuntimeError):
        await one.deliver(stream(b"hello"), 5)
    sent = one.sent
    await one.answer.refuse(NoRoute())
    assert one.sent == sent
    assert not one.line.aborted


async def test_a_refusal_leaves_the_connection_open(told):
    one = told()
    await one.answer.refuse(NoRoute())
    assert one.head.startswith("HTTP/1.1 404 ")
    assert one.answer.keeps_alive


@pytest.mark.parametrize("error", [PayloadTooLarge(), RequestTimeout(), UpgradeRefused()])
async def test_some_refusals_end_the_connection(told, error):
    one = told()
    await one.answer.refuse(error)
    assert "connection: close\r\n" in one.head
    assert not one.answer.keeps_alive


async def test_a_failure_behind_the_edge_ends_the_connection_and_is_logged(told, caplog):
    one = told()
    await one.answer.fail(Failure("gateway", "raised KeyError"))
    assert one.head.startswith("HTTP/1.1 503 ")
    assert "connection: close\r\n" in one.head
    assert [record.getMessage() for record in caplog.records] == [
        f"exchange {'0' * 32}: gateway: raised KeyError"
    ]


async def test_an_error_that_cannot_be_worded_is_a_failure(told, caplog):
    class Wild(Refusal):
        status, code, detail = 403, "wild", "Wild."

        def members(self):
            return {"secret": object()}

    one = told()
    await one.answer.refuse(Wild())
    assert one.head.startswith("HTTP/1.1 503 ")
    assert "Wild cannot be worded" in caplog.text


async def test_a_body_that_is_still_to_come_ends_the_connection(told, line_of, stream):
    line = line_of()
    one = told(body=StreamedBody(line, 5, expects_continue=False))
    await one.deliver(stream(b"hello"), 5)
    assert "connection: close\r\n" in one.head
    assert not one.answer.keeps_alive


async def test_while_the_gateway_drains_every_answer_ends_its_connection(told, stream):
    one = told()
    one.line.accepting = False
    await one.deliver(stream(b"hello"), 5)
    assert "connection: close\r\n" in one.head
    assert not one.answer.keeps_alive
