"""A body is counted, paced and framed while it is read, and read once."""

import asyncio

import pytest

from caracal_core.edge.body import CONTINUE, NoBody, Pace, StreamedBody
from caracal_core.edge.limits import Limits
from caracal_core.errors import BadRequest, PayloadTooLarge, RequestTimeout


async def read(body):
    return b"".join([data async for data in body])


@pytest.fixture
def body_of(line_of):
    """Make a body whose bytes come in pieces; a number before them is its declared length."""

    def make(length, *pieces, limits=None, expects_continue=False):
        line = line_of(*pieces, limits=limits)
        body = StreamedBody(line, length, expects_continue=expects_continue)
        return body, line

    return make


async def test_no_body_is_an_empty_stream():
    body = NoBody()
    body.cap(0)
    assert (body.length, await body.peek(0), await read(body), body.skip()) == (0, b"", b"", True)


async def test_a_sized_body_ends_at_its_length_and_leaves_the_next_request(body_of):
    body, line = body_of(10, b"01234", b"56789GET /")
    assert (body.length, await read(body)) == (10, b"0123456789")
    assert line.received == b"GET /"
    assert body.skip()


async def test_a_chunked_body_ends_at_its_last_chunk_and_leaves_the_next_request(body_of):
    body, line = body_of(None, b"5\r\n012", b"34\r\n0\r", b"\n\r\nGET /")
    assert (body.length, await read(body)) == (None, b"01234")
    assert line.received == b"GET /"
    assert body.skip()


async def test_its_bytes_are_counted_once_as_they_come(body_of):
    """Also those that were peeked at, and are streamed again; chunks' framing is none of it."""
    body, _ = body_of(None, b"3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n")
    assert body.count == NoBody().count == 0
    assert await anext(body) == b"abc"
    assert body.count == 3
    await body.peek(10)
    await read(body)
    assert body.count == 5


async def test_bytes_are_passed_on_as_they_come(body_of):
    body, _ = body_of(None, b"3\r\nabc\r\n", b"2\r\nde\r\n", b"0\r\n\r\n")
    assert [data async for data in body] == [b"abc", b"de"]


async def test_a_declared_length_over_the_cap_is_refused_unread(body_of):
    body, line = body_of(11, b"0" * 11)
    with pytest.raises(PayloadTooLarge):
        body.cap(10)
    assert not line.waits


async def test_the_default_cap_holds_where_nobody_set_one(body_of):
    limits = Limits(max_request_bytes=10)
    for length, pieces in ((11, [b"0" * 11]), (None, [b"b\r\n", b"0" * 11])):
        body, _ = body_of(length, *pieces, limits=limits)
        with pytest.raises(PayloadTooLarge):
            await read(body)


async def test_a_route_may_allow_more_than_the_default(body_of):
    body, _ = body_of(11, b"0" * 11, limits=Limits(max_request_bytes=10))
    body.cap(11)
    assert len(await read(body)) == 11


async def test_an_endless_body_is_counted_as_it_comes(body_of):
    """The bytes over the cap are not handed on, and nothing is kept."""
    body, line = body_of(None, *[b"a\r\n0123456789\r\n"] * 100)
    body.cap(25)
    assert [await anext(body), await anext(body)] == [b"0123456789"] * 2
    with pytest.raises(PayloadTooLarge):
        await anext(body)
    assert len(line.pieces) == 97


async def test_peeking_keeps_the_body_for_its_reader(body_of):
    body, _ = body_of(6, b"abc", b"def")
    assert await body.peek(6) == b"abcdef"
    assert await body.peek(6) == b"abcdef"
    assert await read(body) == b"abcdef"
    assert await read(body) == b""


@pytest.mark.parametrize("length", [7, None])
async def test_a_body_longer_than_the_peek_is_refused(body_of, length):
    body, _ = body_of(length, b"7\r\nabcdefg\r\n0\r\n\r\n" if length is None else b"abcdefg")
    with pytest.raises(PayloadTooLarge):
        await body.peek(6)


async def test_peeking_leaves_the_cap_as_it_was(body_of):
    body, _ = body_of(None, b"3\r\nabc\r\n0\r\n\r\n", limits=Limits(max_request_bytes=2))
    with pytest.raises(PayloadTooLarge):
        await body.peek(100)


async def test_a_fault_stays_a_fault(body_of):
    """After a doubt about the framing nothing more is read, however often one asks."""
    body, line = body_of(None, b"5\r\nhelloXX", b"5\r\nhello\r\n0\r\n\r\n")
    for _ in range(2):
        with pytest.raises(BadRequest):
            await read(body)
    assert not body.skip()
    assert len(line.pieces) == 1


async def test_a_client_that_was_too_slow_is_not_waited_for_again(body_of):
    body, line = body_of(3)
    with pytest.raises(RequestTimeout):
        await read(body)
    line.received += b"abc"
    with pytest.raises(RequestTimeout):
        await read(body)
    assert not body.whole


async def test_a_body_whose_exchange_is_over_cannot_be_read(body_of):
    body, _ = body_of(5, b"01234")
    body.skip()
    with pytest.raises(RuntimeError):
        await read(body)


async def test_what_is_here_whole_is_skipped(body_of):
    body, line = body_of(5)
    line.received += b"01234GET /"
    assert body.whole
    assert body.skip()
    assert line.received == b"GET /"


async def test_what_is_not_here_whole_is_not_skipped(body_of):
    body, line = body_of(5)
    line.received += b"0123"
    assert not body.skip()
    body, line = body_of(None)
    line.received += b"0\r\n\r\n"
    assert not body.skip()


async def test_100_continue_is_sent_when_somebody_waits_for_the_body(body_of):
    body, line = body_of(5, b"01234", expects_continue=True)
    assert not line.sent
    assert await read(body) == b"01234"
    assert line.sent == [CONTINUE]


async def test_100_continue_is_not_sent_to_a_client_that_did_not_wait(body_of):
    body, line = body_of(5, expects_continue=True)
    line.received += b"01234"
    assert await read(body) == b"01234"
    assert not line.sent


async def test_100_continue_is_not_sent_into_an_answer(body_of):
    body, line = body_of(5, b"01234", expects_continue=True)
    body.leave_unasked()
    assert await read(body) == b"01234"
    assert not line.sent


async def test_a_client_slower_than_its_pace_is_refused(body_of):
    """1 byte a second against 1000 in 10: after ten seconds its patience is used up."""
    body, line = body_of(100, *[b"0"] * 100)
    line.seconds_per_piece = 1.0
    with pytest.raises(RequestTimeout):
        await read(body)
    assert len(line.pieces) == 90
    assert not body.skip()


async def test_a_client_at_its_pace_may_take_as_long_as_it_likes(body_of):
    body, line = body_of(100_000, *[b"0" * 100] * 1000)
    line.seconds_per_piece = 1.0
    assert len(await read(body)) == 100_000


def test_a_pace_is_not_saved_up():
    """A megabyte now does not buy an hour of silence later."""
    pace = Pace(Limits(pace_bytes=1000, pace_seconds=10))
    pace.waited(5, 10**6)
    assert pace.seconds == 10
    pace.waited(10, 1)
    assert pace.seconds == pytest.approx(0.01)


def test_a_body_can_be_read_by_another_task(body_of):
    """An upstream may read it while the exchange waits elsewhere."""

    async def main():
        body, _ = body_of(3, b"abc")
        return await asyncio.create_task(read(body))

    assert asyncio.run(main()) == b"abc"
