"""Keys at a URL: fetched in time, never by a client's word, and believed no longer than stated."""

import asyncio
import json
import logging

import pytest
from joserfc.jwk import OKPKey

from caracal_auth_jwt import jwks
from caracal_auth_jwt.jwks_url import JwksUrl, Pace, Place
from caracal_core.domain import Headers
from caracal_core.errors import Failure
from caracal_core.ports import Fetched
from caracal_core.testing.fakes import FakeClock, FakeHttp, FakeMetrics, a_services

URL = "https://idp.example/jwks.json"
PACE = Pace(refresh_min=60, refresh_max=900, unknown_kid=10, timeout=5, ttl=3600)
KEYS = {name: OKPKey.generate_key("Ed25519").as_dict(private=False) for name in ("a", "b")}


def document(*names):
    return json.dumps({"keys": [KEYS[name] | {"kid": name} for name in names]}).encode()


class World:
    """A URL, what stands there, and the time."""

    def __init__(self, pace=PACE, http=None):
        self.http, self.clock, self.metrics = http or FakeHttp(), FakeClock(), FakeMetrics()
        self.keys = JwksUrl(Place(URL), lambda data: jwks.load(data, ["Ed25519"]), pace)
        self.tools = a_services(http=self.http, clock=self.clock, metrics=self.metrics)

    async def open(self, *names):
        if names:
            self.http.put(URL, document(*names))
        await self.keys.open(self.tools)

    def knows(self, name):
        return bool(self.keys.current().find(name, "Ed25519"))


@pytest.fixture
async def world():
    return World()


async def test_before_it_is_opened_there_are_no_keys(world):
    with pytest.raises(Failure, match="there are no keys"):
        world.keys.current()
    assert await world.keys.renewed() is False


async def test_the_first_fetch_is_done_when_it_is_open(world):
    await world.open("a")
    assert world.knows("a")
    assert not world.knows("b")
    assert (world.keys.broken, world.keys.was_ready) == (False, True)
    assert world.http.asked == [URL]
    assert world.metrics.counted("jwks_fetches", result="good") == 1


async def test_an_issuer_that_is_down_does_not_stop_the_start(world, caplog):
    """503 until it is up; the operator is told once."""
    await world.open()
    with pytest.raises(Failure) as caught:
        world.keys.current()
    assert caught.value.status == 503
    assert world.keys.broken
    assert not world.keys.was_ready
    world.clock.advance(11)
    assert await world.keys.renewed()
    assert caplog.text.count(URL) == 1
    world.http.put(URL, document("a"))
    world.clock.advance(11)
    assert await world.keys.renewed()
    assert world.knows("a")
    assert not world.keys.broken


async def test_an_unknown_key_id_has_it_fetched_again(world):
    """A key that the issuer began to sign with just now is found at the first token."""
    await world.open("a")
    world.http.put(URL, document("a", "b"))
    world.clock.advance(10)
    assert await world.keys.renewed()
    assert world.knows("b")


async def test_however_many_are_sent_it_is_fetched_once_in_the_stated_time(world):
    """Case 18: clients cannot make the gateway a weapon against the issuer."""
    await world.open("a")
    for _ in range(3):
        assert not any(await asyncio.gather(*(world.keys.renewed() for _ in range(100))))
        assert len(world.http.asked) == 1
        world.clock.advance(3)
    world.clock.advance(1)
    assert all(await asyncio.gather(*(world.keys.renewed() for _ in range(100))))
    assert not any(await asyncio.gather(*(world.keys.renewed() for _ in range(100))))
    assert world.http.asked == [URL] * 2


async def test_failing_fetches_are_limited_alike(world):
    await world.open()
    assert not await world.keys.renewed()
    assert len(world.http.asked) == 1


async def test_a_removed_key_is_gone_with_the_set_that_lacks_it(world):
    """Case 21; the set is another object then, which empties the cache of its tokens."""
    await world.open("a", "b")
    before = world.keys.current()
    world.http.put(URL, document("b"))
    world.clock.advance(10)
    await world.keys.renewed()
    assert not world.knows("a")
    assert world.keys.current() is not before


async def test_the_same_document_changes_nothing(world):
    await world.open("a")
    before = world.keys.current()
    world.clock.advance(10)
    await world.keys.renewed()
    assert world.keys.current() is before


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Fetched(500, Headers(), document("b")), "status 500"),
        (Fetched(302, Headers([("location", "https://evil.example/")]), b""), "status 302"),
        (Fetched(200, Headers(), b"<html>"), "no JWK Set"),
        (Fetched(200, Headers(), b'{"keys":[]}'), "no usable key"),
        (None, "no such document"),
    ],
)
async def test_a_broken_answer_keeps_the_last_good_keys(world, caplog, answer, why):
    """Until they are too old; then nobody is proved, and nobody is refused for it."""
    await world.open("a")
    if answer is None:
        del world.http.documents[URL]
    else:
        world.http.documents[URL] = answer
    world.clock.advance(10)
    assert await world.keys.renewed()
    assert world.knows("a")
    assert world.keys.broken
    assert why in caplog.text
    assert world.metrics.counted("jwks_fetches", result="failed") == 1
    world.clock.advance(3589)
    assert world.knows("a")
    world.clock.advance(1)
    with pytest.raises(Failure, match="too old") as caught:
        world.keys.current()
    assert why in caught.value.internal


async def test_a_good_answer_makes_old_keys_young_again(world):
    await world.open("a")
    world.clock.advance(3600)
    with pytest.raises(Failure, match="too old"):
        world.keys.current()
    assert await world.keys.renewed()
    assert world.knows("a")


async def test_whatever_fetching_raises_it_is_followed_on(caplog):
    """And what was raised does not reach the log, for it may hold anything."""

    class Surprising(FakeHttp):
        async def get(self, url, **options):
            raise KeyError("s3cret")

    world = World(http=Surprising())
    await world.open()
    assert "KeyError" in caplog.text
    assert "s3cret" not in caplog.text


async def test_keys_that_were_left_out_are_told(world, caplog):
    world.http.put(URL, json.dumps({"keys": [KEYS["a"], {"kty": "oct", "k": "AA"}]}).encode())
    await world.open()
    assert f"{URL}: its key 1 is a secret" in caplog.text


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([], 900),
        ([("cache-control", "max-age=300")], 300),
        ([("cache-control", "public, MAX-AGE = 300 ,must-revalidate")], 300),
        ([("cache-control", 'max-age="300"')], 300),
        ([("cache-control", "max-age=500"), ("cache-control", "max-age=300")], 300),
        ([("cache-control", "max-age=1")], 60),
        ([("cache-control", "max-age=999999")], 900),
        ([("cache-control", "max-age=-5")], 900),
        ([("cache-control", "max-age=9e99")], 900),
        ([("cache-control", "s-max-age=5, no-cache")], 900),
    ],
)
async def test_the_issuer_s_age_counts_within_the_configured_bounds(world, headers, seconds):
    """And the keys are fetched before it is over."""
    world.http.put(URL, document("a"), *headers)
    await world.open()
    assert world.keys._wait_seconds == pytest.approx(0.8 * seconds)


async def test_after_failures_it_is_tried_again_soon_and_then_less_often(world):
    await world.open()
    waits = [world.keys._wait_seconds]
    for _ in range(4):
        world.clock.advance(10)
        await world.keys.renewed()
        waits.append(world.keys._wait_seconds)
    assert waits == [5, 10, 20, 30, 30]


class Waiting(FakeHttp):
    """Answers when it is told to."""

    def __init__(self):
        super().__init__()
        self.go, self.begun = asyncio.Event(), asyncio.Event()

    async def get(self, url, **options):
        self.begun.set()
        await self.go.wait()
        return await super().get(url, **options)


async def test_those_who_wait_share_a_fetch_and_one_that_leaves_does_not_end_it():
    """A client that hangs up does not spoil the others' answer."""
    http = Waiting()
    http.go.set()
    world = World(http=http)
    await world.open("a")
    http.go.clear()
    http.begun.clear()
    world.clock.advance(10)
    http.put(URL, document("a", "b"))
    waiting = [asyncio.create_task(world.keys.renewed()) for _ in range(5)]
    await http.begun.wait()
    waiting[0].cancel()
    await asyncio.wait([waiting[0]])
    http.go.set()
    assert await asyncio.gather(*waiting[1:]) == [True] * 4
    assert world.knows("b")
    assert len(http.asked) == 2


async def test_closing_it_ends_a_fetch_that_is_on_its_way():
    before = asyncio.all_tasks()
    http = Waiting()
    world = World(http=http)
    opening = asyncio.create_task(world.open("a"))
    await http.begun.wait()
    await world.keys.close()
    await asyncio.wait([opening])
    assert asyncio.all_tasks() == before
    await world.keys.close()


async def test_it_is_followed_without_anybody_asking():
    """The background fetches by the time it set itself."""
    asked = asyncio.Queue()

    class Telling(FakeHttp):
        async def get(self, url, **options):
            asked.put_nowait(url)
            return await super().get(url, **options)

    soon = Pace(refresh_min=0.001, refresh_max=0.01, unknown_kid=10, timeout=5, ttl=3600)
    world = World(soon, Telling())
    await world.open("a")
    following = asyncio.create_task(world.keys.follow())
    world.http.put(URL, document("b"))
    async with asyncio.timeout(20):
        for _ in range(4):
            await asked.get()
    assert world.knows("b")
    following.cancel()
    await asyncio.wait([following])
    await world.keys.close()


async def test_what_the_configuration_says_of_the_url_is_what_is_asked(caplog):
    told = {}

    class Noting(FakeHttp):
        async def get(self, url, **options):
            told.update(options, url=url)
            raise Failure("http", "no")

    world = World(http=Noting())
    world.keys = JwksUrl(Place(URL, "ca.pem", True, True), lambda _: None, PACE)
    await world.keys.open(world.tools)
    assert told == {
        "url": URL,
        "most_bytes": jwks.BYTES_MAX,
        "seconds": 5,
        "ca_file": "ca.pem",
        "allow_private": True,
        "allow_http": True,
    }
    assert logging.getLogger("caracal.test")


async def test_a_query_is_asked_and_never_told(world, caplog):
    """It may hold a key to the document; nor do those get it who read why a call failed."""
    caplog.set_level(logging.INFO)
    url = f"{URL}?key=s3cret"
    world.keys = JwksUrl(Place(url), lambda data: jwks.load(data, ["Ed25519"]), PACE)
    world.http.put(url, b"{")
    await world.open()
    with pytest.raises(Failure) as caught:
        world.keys.current()
    world.http.put(url, document("a"))
    world.clock.advance(11)
    assert await world.keys.renewed()
    assert world.http.asked == [url] * 2
    assert f"{URL} gives keys again" in caplog.text
    assert caught.value.internal.count(URL) == 1
    assert "s3cret" not in caplog.text + caught.value.internal
