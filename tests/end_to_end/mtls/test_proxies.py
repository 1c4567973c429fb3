"""A proxy that proves itself passes its client's certificate on; nobody else's header counts."""

from urllib.parse import quote

import pytest

SPIFFE = "spiffe://corp.example/agent/agent-1"
EDGE = "spiffe://corp.example/edge"
FIELD = "X-Forwarded-Client-Cert"


def forwarded(issued):
    return f'By={EDGE};Cert="{quote(issued.pem, safe="")}"'


@pytest.fixture
async def one(secured, secret):
    gateway, _ = await secured(secret(), trusted_proxies=[EDGE])
    return gateway


async def test_the_last_element_of_a_trusted_proxy_proves_the_agent(
    one, agents, make_authority, client, answer, origin
):
    edge, own, other = client(agents.issue(EDGE)), agents.issue(SPIFFE), make_authority("Stranger")
    foreign = forwarded(other.issue(SPIFFE))
    for value, status in (
        (forwarded(own), 200),
        (f"{foreign},{forwarded(own)}", 200),
        (f"{forwarded(own)},{foreign}", 401),
        (f'Subject=",{forwarded(own)}', 401),
        (forwarded(own)[:-9], 401),
        ("", 401),
        (None, 401),
    ):
        headers = {FIELD: value} if value is not None else {}
        assert await answer(one, edge, headers) == status
    assert not [each for each in origin.received if FIELD.lower() in each.headers]
    assert len(origin.received) == 2


async def test_the_header_of_anybody_else_is_ignored_and_stays_here(
    one, agents, client, answer, origin
):
    another = forwarded(agents.issue("spiffe://corp.example/agent/agent-2"))
    agent, stranger = client(agents.issue(SPIFFE)), client(agents.issue(EDGE + "/x"))
    assert await answer(one, agent, {FIELD: another}) == 200
    assert await answer(one, client(), {FIELD: another}) == 401
    assert await answer(one, client(), {FIELD: another} | one.authorization) == 200
    assert await answer(one, stranger, {FIELD: forwarded(agents.issue(SPIFFE))}) == 401
    assert len(origin.received) == 2
    assert not [each for each in origin.received if FIELD.lower() in each.headers]
