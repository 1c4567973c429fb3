"""A body that has not begun asks nothing of an upstream, and no byte of it is lost by waiting."""

import asyncio
from contextlib import aclosing

import pytest

from caracal_core.errors import PayloadTooLarge, RequestTimeout
from caracal_core.stages.deadline import Warden
from caracal_core.stages.upload import BEGUN_BYTES, Upload
from caracal_core.testing.fakes import FakeBody


@pytest.fixture
async def due():
    warden = Warden()
    due = warden.watch()
    yield due
    warden.release(due)


async def content(upload):
    return b"".join([data async for data in upload])


@pytest.mark.parametrize("begun", [True, False])
@pytest.mark.parametrize(
    "chunks", [[b"a"], [b"ab", b"c"], [b"x" * BEGUN_BYTES, b"y"], [b"x"] * (2 * BEGUN_BYTES)]
)
async def test_nothing_is_lost_or_moved(due, chunks, begun):
    upload = Upload(FakeBody(chunks), due)
    if begun:
        await upload.begin()
    assert await content(upload) == b"".join(chunks)


async def test_it_has_begun_with_enough_of_it_though_more_never_comes(due):
    async def never():
        await asyncio.Event().wait()

    upload = Upload(FakeBody([b"x" * BEGUN_BYTES, b"y"], between=never), due)
    async with aclosing(upload._chunks), aclosing(aiter(upload)) as chunks:
        await upload.begin()
        assert await anext(chunks) == b"x" * BEGUN_BYTES


async def test_one_that_stays_short_of_it_has_not_begun(due):
    upload = Upload(FakeBody([b"x" * (BEGUN_BYTES - 1)], breaks=RequestTimeout()), due)
    with pytest.raises(RequestTimeout):
        await upload.begin()


async def test_what_was_peeked_at_is_still_sent(due):
    upload = Upload(FakeBody([b"ab", b"cd"]), due)
    await upload.begin()
    assert await upload.peek(4) == b"abcd"
    assert await content(upload) == b"abcd"


async def test_more_than_may_be_peeked_at_is_too_large(due):
    upload = Upload(FakeBody([b"ab", b"cd"]), due)
    await upload.begin()
    with pytest.raises(PayloadTooLarge):
        await upload.peek(3)


async def test_its_length_and_cap_are_the_bodys(due):
    assert Upload(FakeBody([b"ab"]), due).length == 2
    upload = Upload(FakeBody([b"ab", b"c"]), due)
    assert upload.count == 0
    await content(upload)
    assert upload.count == 3
    assert Upload(FakeBody([b"ab"], chunked=True), due).length is None
    with pytest.raises(PayloadTooLarge):
        Upload(FakeBody([b"ab"]), due).cap(1)


@pytest.mark.parametrize("begun", [True, False])
async def test_it_is_whole_where_the_body_is(due, begun):
    async def at_once():
        pass

    for body, whole in ((FakeBody([b"a", b"b"]), True), (FakeBody([b"a"], between=at_once), False)):
        upload = Upload(body, due)
        if begun:
            await upload.begin()
        assert upload.whole is whole
