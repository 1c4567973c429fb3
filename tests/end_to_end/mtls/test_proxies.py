"""A proxy that proves itself passes its client's certificate on; nobody else's header counts."""

import asyncio
from urllib.parse import quote

import pytest

from caracal_core.domain.certificate_name import certificate_name

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


async def test_a_proxy_that_was_revoked_by_its_name_speaks_for_nobody(
    one, agents, client, answer, until
):
    """The agents that it spoke for get in by themselves; the line names both certificates."""
    own, proxy = agents.issue(SPIFFE), agents.issue(EDGE)
    passed_on, direct, edge = {FIELD: forwarded(own)}, client(own), client(proxy)
    names = [certificate_name(each.certificate.tbs_certificate_bytes) for each in (own, proxy)]
    assert await answer(one, edge, passed_on) == 200
    assert await answer(one, direct) == 200

    async def told():
        return len(one.stories) == 2

    await until(told)
    assert [(each["credential_id"], each["via"]) for each in one.stories] == [
        (names[0], [{"scheme": "mtls", "id": names[1]}]),
        (names[0], []),
    ]
    revoke = ("revocations", "add", "--scheme", "mtls", "--credential", names[1])
    await asyncio.to_thread(one.caracal, *revoke)

    async def refused():
        return await answer(one, edge, passed_on) == 401

    await until(refused)
    assert await answer(one, direct) == 200
