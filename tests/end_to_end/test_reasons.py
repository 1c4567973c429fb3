"""Why a call was refused, failed or was cut stands in its log line, and nowhere else.

The lines are those that a served gateway writes to standard output.
"""

import asyncio
import json
import re
import time

import aiohttp
import pytest

from caracal_core.cli.demo.token import make_key, sign
from caracal_core.testing.fakes.script import Answer, Cut, Garbage, Reset, Silence

RULES = [
    {
        "id": "all",
        "effect": "permit",
        "agents": ["*"],
        "routes": ["free", "paid", "dear", "strict"],
    },
    {"id": "no-writers", "effect": "deny", "agents": ["*"], "routes": ["barred"]},
]
TARIFFS = {
    "flat": {"currency": "USD", "per_call": "0.25"},
    "dear": {"currency": "USD", "per_call": "5000"},
}
ROUTES = [
    {"id": "dear", "path": "/dear/", "upstream": "u", "tariff": "dear"},
    {"id": "shut", "path": "/shut/", "upstream": "u"},
    {"id": "barred", "path": "/barred/", "upstream": "u"},
    {"id": "strict", "path": "/strict/", "upstream": "u", "replay": "required"},
    {"id": "small", "path": "/small/", "upstream": "u", "methods": ["GET"]},
]


@pytest.fixture
async def one(gateway, origin):
    """A gateway with a route for every way to say no."""
    return await gateway(
        origin.url, routes=ROUTES, policies=RULES, tariffs=TARIFFS, request_timeout=1,
        max_request_size_mb=0.001,
    )  # fmt: skip


async def told(one, name):
    """Stop the gateway and return the one story of this exchange."""
    await one.stop()
    [story] = [story for story in one.stories if story["id"] == name]
    return story


def nonce(value="n-1", age=0):
    return {"X-Caracal-Nonce": value, "X-Caracal-Timestamp": str(int(time.time()) - age)}


def forged(one):
    """Return a token of the right shape that another key has signed."""
    key = make_key(one.home / "another.pem")
    auth = one.settings["auth_jwt"]
    return sign(key, "agent-1", auth["issuer"], auth["audience"])


async def ask(session, path, method="GET", **more):
    """Return the exchange's id, the status, and whatever of the answer can be seen."""
    async with session.request(method, path, **more) as reply:
        try:
            body = await reply.text()
        except aiohttp.ClientError:
            body = "cut"
        return reply.headers["X-Request-ID"], reply.status, f"{dict(reply.headers)} {body}"


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


async def test_every_refusal_is_logged_with_its_reason_once(one):
    """And the client, the metrics and the log are told no more than before."""
    own, bad = bearer(one.token), forged(one)
    calls = {
        "no credential of an accepted scheme was shown": ("/paid/x", "GET", {}),
        "the token's signature is not the pinned key's": ("/paid/x", "GET", bearer(bad)),
        "a part of the token is not base64url": ("/paid/x", "GET", bearer("s3cret.token.x")),
        "N s old; 300 s pass": ("/paid/x", "GET", own | nonce(age=999)),
        "x-caracal-nonce is malformed or was sent twice.": ("/paid/x", "GET", own | nonce("\xe9")),
        "This route requires X-Caracal-Nonce and X-Caracal-Timestamp.": ("/strict/x", "GET", own),
        "no policy permits it": ("/shut/x", "GET", own),
        "policy no-writers says deny": ("/barred/x", "GET", own),
        "No route matches this path.": ("/nowhere", "GET", own),
        "This route does not accept the method.": ("/small/x", "POST", own),
        "5000 USD do not fit a budget of agent-1 for the day, and 1000 are left": (
            *("/dear/x", "GET"), own,
        ),
    }  # fmt: skip
    asked = {}
    async with aiohttp.ClientSession(one.url) as session:
        for reason, (path, method, headers) in calls.items():
            name, status, seen = await ask(session, path, method, headers=headers)
            asked[name] = (status, reason)
            if not reason.endswith("."):  # the words for clients are sentences
                assert reason not in seen
        _, metrics = await one.operator_sees("/metrics")
        once = own | nonce("used")
        await ask(session, "/free/x", headers=once)
        name, status, _ = await ask(session, "/free/x", headers=once)
        asked[name] = (status, "This nonce was already used.")
        name, status, _ = await ask(session, "/free/x", "POST", headers=own, data=b"x" * 2000)
        asked[name] = (status, "The request body is too large.")
    await one.stop()
    stories = [
        (s["id"], (s["status"], re.sub(r"\d+ s old", "N s old", s["reason"])))
        for s in one.stories
        if s["reason"]
    ]
    assert sorted(stories) == sorted(asked.items())
    everything = json.dumps(one.stories) + one.log + metrics
    for secret in (one.token, bad, "s3cret.token", *one.token.split("."), *bad.split(".")[1:]):
        assert secret not in everything
    assert "300 s pass" not in metrics


async def test_a_disabled_agent_is_told_from_a_bad_credential_in_the_log_alone(gateway, origin):
    one = await gateway(origin.url, start=False)
    one.caracal("agents", "disable", "agent-1")
    await one.start()
    async with one.client() as session:
        name, status, seen = await ask(session, "/free/x")
    story = await told(one, name)
    assert (status, story["reason"]) == (401, "the agent is unknown or disabled")
    assert "disabled" not in seen


@pytest.mark.parametrize(
    ("step", "status", "reason"),
    [
        (Reset(), 502, "the connection was lost: ConnectionResetError"),
        (Garbage(), 502, "it broke HTTP: "),
        (Silence(), 504, "its reply's head took longer than 1 s"),
        (Cut(), 200, "it closed the connection within its reply"),
        (Answer(500), 500, None),
    ],
)
async def test_an_upstreams_fault_is_logged_with_its_reason(one, origin, step, status, reason):
    """Also why a reply was cut after its head; what the upstream said itself has no reason."""
    origin.will(step)
    async with one.client() as session:
        name, got, _ = await ask(session, "/paid/x")
    story = await told(one, name)
    assert (got, story["status"]) == (status, status)
    if reason is None:
        assert (story["reason"], story["part"]) == (None, None)
    else:
        assert (story["part"], story["level"]) == ("upstream u", "WARNING")
        assert story["reason"].startswith(reason)


async def test_an_upstream_that_refuses_connections_is_logged_as_such(one, origin):
    await origin.leave()
    async with one.client() as session:
        name, status, seen = await ask(session, "/paid/x")
    story = await told(one, name)
    assert (status, story["reason"]) == (502, "no connection: Connection refused")
    assert "Connection refused" not in seen


async def test_a_client_that_hung_up_is_logged_as_such(one, origin, until):
    origin.will(Silence())
    request = b"GET /free/x HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer %b\r\n\r\n"
    async with one.connected() as (_, writer):
        writer.write(request % one.token.encode())

        async def arrived():
            return bool(origin.received)

        await until(arrived)
    await origin.idle()
    await one.stop()
    [story] = one.stories
    assert (story["status"], story["reason"]) == (499, "the client hung up")


HEADS = {
    b"GET /x HTTP/1.1\r\n\r\n": (400, "The header field host is missing."),
    b"GET /x HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer a-s3cret\r\n"
    b"Authorization: Bearer a-s3cret\r\n\r\n": (
        400,
        "The header field authorization stands more than once.",
    ),
    b"GET /a/%2e%2e/b?key=a-s3cret HTTP/1.1\r\nHost: g\r\n\r\n": (400, "The path"),
    b"GET /x HTTP/1.1\r\nHost: g\r\nX\x80: a-s3cret\r\n\r\n": (400, "A header field's name"),
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n": (400, "The request line is malformed"),
    b"GET /x HTTP/1.1\r\nHost: g\r\nAuthoriz": (408, "The request did not arrive in time."),
}


async def test_what_is_refused_before_it_is_a_request_is_logged_with_its_reason(one):
    """The head that never ends takes its ten seconds, beside the others."""
    answers = await asyncio.gather(*(one.raw(head, until=30) for head in HEADS))
    await one.stop()
    stories = {story["id"]: story for story in one.stories}
    assert len(stories) == len(HEADS)
    for answer, (status, reason) in zip(answers, HEADS.values(), strict=True):
        head, _, body = answer.partition(b"\r\n\r\n")
        story = stories[json.loads(body)["instance"]]
        assert head.startswith(b"HTTP/1.1 %d " % status)
        assert story["status"] == status
        assert story["reason"].startswith(reason)
    assert "a-s3cret" not in json.dumps(one.stories) + one.log


async def test_an_operator_that_is_turned_away_is_logged_with_the_reason(gateway, origin, tmp_path):
    """On standard error, with all that is not an exchange."""
    file = tmp_path / "operations-token"
    file.write_text("the-operators-own\n")
    one = await gateway(origin.url, operations={"listen": "127.0.0.1:0", "token_file": str(file)})
    async with aiohttp.ClientSession(one.operations) as session:
        shown = {"Authorization": "Bearer the-guessed-one", "Forwarded": "for=192.0.2.1"}
        async with session.get("/-/config", headers=shown) as reply:
            assert reply.status == 401
    await one.stop()
    assert "was refused: not the operations token" in one.log
    assert "the-guessed-one" not in one.log
    assert "the-operators-own" not in one.log
