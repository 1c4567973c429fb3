"""An upstream gets no credential, no foreign key, and what the quote wants it to get."""

import pytest

from caracal_core.domain import Quote
from caracal_core.errors import PayloadTooLarge
from caracal_core.stages.outgoing import GivenBody, outgoing
from caracal_core.testing.fakes import a_principal, a_request, usd

CREDENTIALS = frozenset({"authorization"})


def sent(headers=(), quote=None, body=None):
    """Return the request and what an upstream gets of it."""
    request = a_request("POST", headers=headers, body=b"{}")
    return request, outgoing(request, CREDENTIALS, a_principal(), quote, body or request.body)


def test_what_needs_no_change_is_passed_as_it_is():
    request, got = sent({"Accept": "a", "Accept-Encoding": "br"}, Quote(usd("1")))
    assert got is request


@pytest.mark.parametrize("quote", [None, Quote(usd("1"), metered=True)])
def test_a_credential_stays_behind(quote):
    _, got = sent({"Authorization": "Bearer s3cret"}, quote)
    assert got.headers.get("authorization") is None


@pytest.mark.parametrize("quote", [None, Quote(usd("1"))])
def test_a_key_is_never_the_clients_own(quote):
    """On a free route, too: the credential at the upstream is everybody's."""
    _, got = sent({"Idempotency-Key": "k"}, quote)
    assert got.headers.get("idempotency-key") not in (None, "k")


@pytest.mark.parametrize("name", ["accept-encoding", "accept_encoding"])
def test_a_reply_that_is_to_be_metered_is_asked_for_uncompressed(name):
    _, got = sent([(name, "gzip, br")], Quote(usd("1"), metered=True))
    assert [field for field in got.headers if "encoding" in field[0]] == [
        ("accept-encoding", "identity")
    ]


async def test_the_quoted_body_replaces_the_clients_and_what_was_said_of_it():
    body = GivenBody(b"other")
    _, got = sent(
        {"Content-MD5": "x", "Digest": "y", "Accept": "a"}, Quote(usd("1"), body=b""), body
    )
    assert got.body.length == got.body.count == 5
    assert [data async for data in got.body] == [b"other"]
    assert [name for name, _ in got.headers] == ["accept"]


async def test_a_given_body_keeps_a_bodys_promises():
    body = GivenBody(b"12345")
    assert body.whole
    body.cap(5)
    assert await body.peek(5) == b"12345"
    with pytest.raises(PayloadTooLarge):
        body.cap(4)
    with pytest.raises(PayloadTooLarge):
        await body.peek(4)
    assert [data async for data in GivenBody(b"")] == []
