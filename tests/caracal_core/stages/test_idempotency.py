"""A key is read strictly, stands for one request, and is no other agent's at an upstream."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_core.domain import Headers
from caracal_core.errors import BadRequest, PayloadTooLarge, RequestTimeout
from caracal_core.stages.idempotency import MOST_BYTES, read_key, upstream_keys
from caracal_core.testing.fakes import FakeBody, a_request, a_route

ROUTE = a_route(tariff="t")
GOOD = ["k", "k" * 255, '"quoted"', "with space", "!~"]
BAD = ["", "k" * 256, "a\tb", "\x7f", "\xe9", "a\x00b"]


def keyed(key="k", method="POST", path="/x?a=1", body=b"{}"):
    return a_request(method, path, headers={"Idempotency-Key": key}, body=body)


async def fingerprint(**changes):
    return (await read_key(keyed(**changes), ROUTE)).fingerprint


@pytest.mark.parametrize("key", GOOD)
async def test_a_key_is_taken_as_it_is(key):
    assert (await read_key(keyed(key), ROUTE)).key == key


@pytest.mark.parametrize("key", BAD)
async def test_what_is_no_key_is_400(key):
    with pytest.raises(BadRequest, match="1 to 255 printable ASCII"):
        await read_key(keyed(key), ROUTE)


async def test_two_fields_are_400():
    request = a_request(headers=[("Idempotency-Key", "k"), ("Idempotency-Key", "k")])
    with pytest.raises(BadRequest, match="one field"):
        await read_key(request, ROUTE)


async def test_without_one_nothing_is_read():
    body = FakeBody([b"x"], breaks=RequestTimeout())
    assert await read_key(a_request("POST", body=body), ROUTE) is None


async def test_the_body_is_still_there_for_the_upstream():
    request = keyed(body=FakeBody([b"ab", b"cd"], chunked=True))
    await read_key(request, ROUTE)
    assert b"".join([data async for data in request.body]) == b"abcd"


@pytest.mark.parametrize("chunked", [False, True])
async def test_the_longest_body_is_one_mebibyte(chunked):
    fits, not_quite = bytes(MOST_BYTES), bytes(MOST_BYTES + 1)
    assert await read_key(keyed(body=FakeBody([fits], chunked=chunked)), ROUTE)
    with pytest.raises(BadRequest, match="at most 1 MiB"):
        await read_key(keyed(body=FakeBody([not_quite], chunked=chunked)), ROUTE)


async def test_a_route_that_allows_less_says_so_itself():
    request = keyed(body=FakeBody([b"12345"], chunked=True))
    request.body.cap(4)
    with pytest.raises(PayloadTooLarge):
        await read_key(request, a_route(tariff="t", max_request_bytes=4))


async def test_a_body_that_does_not_come_is_the_clients_fault():
    with pytest.raises(RequestTimeout):
        await read_key(keyed(body=FakeBody([b"x"], breaks=RequestTimeout())), ROUTE)


async def test_the_same_request_has_the_same_fingerprint_however_it_is_cut():
    whole, cut = FakeBody([b"abcd"]), FakeBody([b"a", b"bc", b"d"], chunked=True)
    assert await fingerprint(body=whole) == await fingerprint(key="other", body=cut)


@pytest.mark.parametrize(
    "change", [{"method": "PUT"}, {"path": "/y?a=1"}, {"path": "/x?a=2"}, {"body": b"{} "}]
)
async def test_another_method_target_or_body_is_another_request(change):
    assert await fingerprint() != await fingerprint(**change)


PARTS = st.tuples(*[st.text("ab", max_size=3)] * 3)


@given(one=PARTS, other=PARTS)
def test_no_two_requests_read_alike_where_their_parts_are_put_together(one, other):
    """What ends the target cannot begin the body."""

    def of(method, path, body):
        return asyncio.run(fingerprint(method=method, path=f"/{path}", body=body.encode()))

    assert (of(*one) == of(*other)) == (one == other)


def test_an_upstream_gets_another_key_of_each_agent_and_the_same_at_each_try():
    headers = Headers([("accept", "a"), ("idempotency-key", "k")])
    alices, again, bobs = (upstream_keys(headers, agent) for agent in ("alice", "alice", "bob"))
    assert alices == again
    assert alices.get("accept") == "a"
    values = {alices.get("idempotency-key"), bobs.get("idempotency-key"), "k"}
    assert len(values) == 3
    assert len(alices.get("idempotency-key")) == 64


@pytest.mark.parametrize("name", ["idempotency_key", "idempotency-key"])
def test_a_key_that_an_upstream_may_read_under_another_spelling_is_none_of_another_agents(name):
    assert upstream_keys(Headers([(name, "k")]), "alice").get(name) != "k"


def test_without_a_key_the_headers_are_the_very_same():
    headers = Headers([("accept", "a")])
    assert upstream_keys(headers, "alice") is headers


def test_agents_and_keys_do_not_run_into_each_other():
    """Agent ``a`` with key ``bc`` is not agent ``ab`` with key ``c``."""
    one, other = Headers([("idempotency-key", "bc")]), Headers([("idempotency-key", "c")])
    assert upstream_keys(one, "a") != upstream_keys(other, "ab")
