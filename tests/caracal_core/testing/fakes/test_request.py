"""Requests without a socket have the manners of those that came over one."""

import pytest

from caracal_core.errors import PayloadTooLarge, RequestTimeout
from caracal_core.testing.fakes import FakeBody, a_request


async def _read(body):
    return [data async for data in body]


def test_the_query_is_split_off_the_path():
    request = a_request("POST", "/a/b?c=d?e")
    assert (request.method, request.path, request.query) == ("POST", "/a/b", "c=d?e")


def test_header_names_are_lower_cased_and_may_repeat():
    request = a_request(headers=[("X-One", "A"), ("x-one", "B")])
    assert request.headers.all("x-one") == ("A", "B")


def test_each_request_has_a_name_of_its_own():
    assert a_request().id != a_request().id


def test_a_certificate_means_tls():
    assert a_request(certificate=b"der").connection.tls
    assert not a_request().connection.tls


async def test_the_body_streams_once():
    body = a_request(body=b"bytes").body
    assert await _read(body) == [b"bytes"]
    with pytest.raises(RuntimeError):
        await _read(body)


async def test_peeking_keeps_the_body_to_be_streamed():
    body = FakeBody([b"ab", b"cd"])
    assert (await body.peek(4), await body.peek(4)) == (b"abcd", b"abcd")
    assert b"".join(await _read(body)) == b"abcd"


async def test_peeking_past_the_limit_is_refused():
    with pytest.raises(PayloadTooLarge):
        await FakeBody([b"ab", b"cd"]).peek(3)


def test_the_length_is_declared_unless_chunked():
    assert FakeBody([b"ab", b"c"]).length == 3
    assert FakeBody([b"ab", b"c"], chunked=True).length is None
    assert a_request().body.length == 0


async def test_bytes_are_counted_once_as_they_come():
    body = FakeBody([b"ab", b"c"])
    assert body.count == 0
    await body.peek(3)
    await _read(body)
    assert body.count == 3


async def test_a_declared_length_past_the_cap_is_refused_at_once():
    with pytest.raises(PayloadTooLarge):
        FakeBody([b"abcd"]).cap(3)


async def test_an_undeclared_length_past_the_cap_is_refused_as_it_comes():
    body = FakeBody([b"ab", b"cd"], chunked=True)
    body.cap(3)
    with pytest.raises(PayloadTooLarge):
        await _read(body)


async def test_a_body_may_break():
    with pytest.raises(RequestTimeout):
        await _read(FakeBody([b"ab"], breaks=RequestTimeout()))


async def test_a_client_may_take_its_time():
    waits = []

    async def wait():
        waits.append(len(waits))

    assert await _read(FakeBody([b"a", b"b", b"c"], between=wait)) == [b"a", b"b", b"c"]
    assert waits == [0, 1]
