"""Real TLS: each kind of client certificate gets its stated answer, strict and relaxed.

Some are refused by TLS itself, with an alert, and some by us, with 401. Which of the two
refuses a weak key or a broken hash depends on how OpenSSL was built: either is an answer.
"""

import time
from typing import NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from caracal_core.cli.demo.token import make_key, sign

SPIFFE = "spiffe://corp.example/agent/agent-1"
ALERT = "TLS alert"
DAY = 86_400.0
EITHER = {ALERT, 401}
LEFT_SECONDS = 3


class Case(NamedTuple):
    """A certificate, what is sent with it, and the answers in strict and in relaxed mode."""

    issued: object
    strict: object
    relaxed: object
    sent: tuple = ()


@pytest.fixture
def root(make_authority):
    """An authority above the one that issued some of the certificates."""
    return make_authority("Root")


@pytest.fixture
def between(make_authority, root):
    return make_authority("Between", above=root)


@pytest.fixture
def revoked(agents):
    return agents.issue(SPIFFE)


def of_the_wrong_time(agents):
    return {
        "expired": Case(agents.issue(SPIFFE, valid=(-DAY, -60)), ALERT, ALERT),
        "not yet valid": Case(agents.issue(SPIFFE, valid=(DAY, 2 * DAY)), ALERT, ALERT),
    }


def of_the_wrong_purpose(agents):
    server = [ExtendedKeyUsageOID.SERVER_AUTH]
    return {
        "no extended key usage": Case(agents.issue(SPIFFE, purposes=None), 401, 200),
        "serverAuth only": Case(agents.issue(SPIFFE, purposes=server), ALERT, ALERT),
        "a CA's own": Case(agents.issue(SPIFFE, authority=True), 401, 401),
    }


def of_the_wrong_name(agents):
    return {
        "common name only": Case(agents.issue(cn="agent-1"), 401, 200),
        "two SPIFFE IDs": Case(agents.issue(SPIFFE, SPIFFE + "0"), 401, 401),
        "wildcard": Case(agents.issue(SPIFFE, dns=["*.corp.example"]), 401, 401),
        "no name": Case(agents.issue(), 401, 401),
        "not in agents": Case(agents.issue("spiffe://corp.example/agent/ops-1"), 401, 401),
        "unknown agent": Case(agents.issue("spiffe://corp.example/agent/agent-9"), 401, 401),
        "disabled agent": Case(agents.issue("spiffe://corp.example/agent/agent-off"), 401, 401),
    }


def of_the_wrong_strength(agents, by_openssl):
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505 - that is the point
    key = agents.issue(cn="a key")
    return {
        "RSA of 1024 bits": Case(agents.issue(SPIFFE, key=weak), EITHER, EITHER),
        "SHA-1": Case(by_openssl("-sha1", key=key), EITHER, EITHER),
        "version 1": Case(by_openssl(key=key), 401, 200),
    }


def of_another_issuer(agents, make_authority, between):
    stranger, chained = make_authority("Agents"), between.issue(SPIFFE)
    return {
        "another authority": Case(stranger.issue(SPIFFE), ALERT, ALERT),
        "self-signed": Case(stranger.own, ALERT, ALERT),
        "intermediate sent": Case(chained, 200, 200, (between.own,)),
        "intermediate missing": Case(chained, ALERT, ALERT),
    }


@pytest.fixture
def cases(agents, make_authority, between, by_openssl, revoked):
    """The table."""
    return {
        "right": Case(agents.issue(SPIFFE), 200, 200),
        "revoked": Case(revoked, 401, 401),
        **of_the_wrong_time(agents),
        **of_the_wrong_purpose(agents),
        **of_the_wrong_name(agents),
        **of_the_wrong_strength(agents, by_openssl),
        **of_another_issuer(agents, make_authority, between),
    }


def agree(found, stated):
    return found in stated if isinstance(stated, set) else found == stated


@pytest.fixture
def lists(agents, root, between, revoked):
    return [agents.revocation_list(revoked), root.revocation_list(), between.revocation_list()]


@pytest.mark.parametrize("mode", ["strict", "relaxed"])
async def test_every_certificate_gets_its_answer(
    secured, secret, agents, root, lists, cases, client, answer, mode
):
    files = secret(*lists, believed=[agents, root])
    one, _ = await secured(files, strict=mode == "strict", agents=["agent-*"])
    one.caracal("agents", "register", "agent-off")
    one.caracal("agents", "register", "ops-1")
    one.caracal("agents", "disable", "agent-off")
    stated = {name: getattr(case, mode) for name, case in cases.items()}
    found = {
        name: await answer(one, client(case.issued, *case.sent)) for name, case in cases.items()
    }
    assert {n: a for n, a in found.items() if not agree(a, stated[n])} == {}
    assert len(found) >= 20
    await one.stop()  # the log has a thread of its own
    assert "Traceback" not in one.log
    assert ("strict is false" in one.log) == (mode == "relaxed")


async def test_beside_a_token_both_have_to_prove_the_same_agent(
    secured, secret, agents, client, answer, tmp_path
):
    """Case 7; and without a certificate, tokens and probes go on as before."""
    one, _ = await secured(secret(), start=False)
    key = make_key(tmp_path / "jwt_public.pem")
    await one.start()
    one.caracal("agents", "register", "agent-2")

    def bearer(agent):
        token = sign(key, agent, "https://idp.invalid", "caracal-test")
        return {"Authorization": f"Bearer {token}"}

    nobody, first = client(), client(agents.issue(SPIFFE))
    assert await answer(one, nobody) == 401
    assert await answer(one, nobody, bearer("agent-1")) == 200
    assert await answer(one, first) == 200
    assert await answer(one, first, bearer("agent-1")) == 200
    assert await answer(one, first, bearer("agent-2")) == 401
    assert await answer(one, first, {"Authorization": "Bearer junk.junk.junk"}) == 401
    expired = client(agents.issue(SPIFFE, purposes=None))
    assert await answer(one, expired, bearer("agent-1")) == 401


async def test_a_certificate_that_expires_on_a_kept_connection_proves_no_more(
    secured, secret, agents, client, session, connections
):
    """Case 23: the connection stays, its requests are refused from that second on."""
    one, _ = await secured(secret())
    soon = time.time() - agents.now + LEFT_SECONDS
    seen = []
    async with session(client(agents.issue(SPIFFE, valid=(-60, soon))), connections) as opened:
        while seen[-1:] != [401]:
            async with opened.get(f"{one.url}/free/x") as reply:
                seen.append(reply.status)
    assert set(seen[:-1]) == {200}
    assert connections.made == 1
