"""A live reload swaps whole houses, carries over what did not change, and breaks nothing."""

import asyncio
from contextlib import asynccontextmanager

import msgspec
import pytest
from pydantic import Field

from caracal_core.assembly import house as house_module
from caracal_core.assembly.generation import Foundation
from caracal_core.assembly.house import House
from caracal_core.builtin.ledger.config import ChargesConfig
from caracal_core.builtin.replay.config import ReplayConfig
from caracal_core.config.core import CoreConfig
from caracal_core.config.enabled import Enabled
from caracal_core.config.load import Loaded
from caracal_core.errors import Failure, Misconfigured, Unauthenticated
from caracal_core.plugin import Config, Plugin, hookimpl
from caracal_core.stages.deadline import Warden
from caracal_core.stages.reasons import WITHHELD
from caracal_core.testing.fakes.behaviour import deny
from caracal_core.testing.fakes.clock import FakeClock
from caracal_core.testing.fakes.parts import (
    TrivialAuthenticator,
    TrivialDirectory,
    TrivialHealthCheck,
    TrivialLedger,
    TrivialObserver,
    TrivialPolicy,
    TrivialReplayGuard,
    TrivialRevocations,
    TrivialRouter,
    TrivialTariff,
    TrivialUpstream,
)
from caracal_core.testing.fakes.request import a_request
from caracal_core.testing.fakes.services import FakeCounter, a_services


class Worded(Config):
    """A configuration with one word in it."""

    word: str = Field("first")


class _Noted(Plugin[Worded]):
    """Notes its opening and closing, with its word."""

    Config = Worded
    journal: list[str]

    @hookimpl
    def lifespan(self, services):
        @asynccontextmanager
        async def span():
            self.journal.append(f"open {self.name} {self.config.word}")
            if self.config.word == "broken":
                raise RuntimeError("oh")
            yield
            self.journal.append(f"close {self.name} {self.config.word}")

        return span()


class _Listening(TrivialUpstream):
    """Keeps the names of the header fields that it was given last."""

    given: tuple[str, ...] = ()

    def send(self, request, route, on_sent):
        self.given = tuple(name for name, _ in request.headers)
        return super().send(request, route, on_sent)


class Parts(_Noted):
    """Brings a whole corridor; agents send their keys in a field that is named by its word."""

    observer = TrivialObserver()
    upstream = _Listening()

    @hookimpl
    def routers(self, services):
        return [TrivialRouter()]

    @hookimpl
    def authenticators(self, services):
        authenticator = TrivialAuthenticator()
        authenticator.headers = frozenset({f"x_{self.config.word}_key"})
        return [authenticator]

    @hookimpl
    def replay_guard(self, services):
        return TrivialReplayGuard()

    @hookimpl
    def policies(self, services):
        return [TrivialPolicy()]

    @hookimpl
    def tariff(self, services):
        return TrivialTariff()

    @hookimpl
    def ledger(self, services):
        return TrivialLedger()

    @hookimpl
    def upstreams(self, services):
        return {"test-upstream": self.upstream}

    @hookimpl
    def observers(self, services):
        return [self.observer]

    @hookimpl
    def health(self, services):
        return [TrivialHealthCheck()]


class Other(_Noted):
    """Brings nothing."""


class Keeper(_Noted):
    """Keeps state in memory."""

    keeps_state = True


@pytest.fixture
def journal():
    return []


@pytest.fixture
def loaded(journal):
    """Make a configuration in which each plugin has its word."""
    classes = {
        name: type(base.__name__, (base,), {"journal": journal})
        for name, base in (("parts", Parts), ("other", Other), ("keeper", Keeper))
    }
    for each in classes.values():
        each.observer, each.upstream = TrivialObserver(), _Listening()

    def make(**words):
        sections = {name: Worded(word=words.get(name, "first")) for name in classes}
        sections |= {"replay": ReplayConfig(), "charges": ChargesConfig()}
        enabled = tuple(Enabled(name, each, "test", "1") for name, each in classes.items())
        return Loaded(CoreConfig(), enabled, sections, (), (), str(words))

    return make


@pytest.fixture
async def house(loaded, journal):
    foundation = Foundation(
        services=lambda name: a_services(),
        directory=lambda core: TrivialDirectory(),
        revocations=TrivialRevocations(),
        clock=FakeClock(0),
        lost=FakeCounter(),
        misstated=FakeCounter(),
        warden=Warden(),
        mask=str,
    )
    house = House(foundation)
    await house.open(loaded())
    journal.clear()
    yield house
    await house.close()


async def delivered(house, inside=None):
    """Send one request through the house; return what its reply held."""
    got = []

    async def deliver(reply, settle):
        if inside:
            await inside()
        got.append(b"".join([data async for data in reply.body]))
        await settle()

    await house.exchange(a_request(), deliver)
    return got


async def test_an_open_house_serves(house):
    assert await delivered(house) == [b"ok"]


async def test_a_plugin_that_did_not_change_is_carried_over_with_its_lifespan(
    house, loaded, journal
):
    before = {f.name: f for f in house.current.furnishings}
    await house.reload(loaded(other="second"))
    after = {f.name: f for f in house.current.furnishings}
    await house.settled()
    assert after["parts"] is before["parts"]
    assert after["other"] is not before["other"]
    assert journal == ["open other second", "close other first"]


async def test_a_plugin_that_keeps_state_is_carried_over_though_it_changed(house, loaded, journal):
    await house.reload(loaded(keeper="second"))
    await house.settled()
    assert journal == []


KEYS = {f"X-{word}-Key": f"key-of-the-{word}" for word in ("first", "second", "other")}


async def sent(house):
    """Send every key there ever was; return the fields that the upstream got."""

    async def deliver(reply, settle):
        await settle()

    await house.exchange(a_request(headers=KEYS), deliver)
    [parts] = [f.plugin for f in house.current.furnishings if f.name == "parts"]
    return set(parts.upstream.given)


async def test_a_field_that_a_reload_drops_is_withheld_still(house, loaded):
    """Agents still send their keys in it; also after the next reload, and one that fails."""
    assert await sent(house) == {"x-second-key", "x-other-key"}
    await house.reload(loaded(parts="second"))
    assert await sent(house) == {"x-other-key"}
    with pytest.raises(Misconfigured):
        await house.reload(loaded(parts="other", other="broken"))
    await house.reload(loaded(parts="second", other="third"))
    assert await sent(house) == {"x-other-key"}


async def test_nor_is_a_key_in_it_quoted_in_a_reason(house, loaded):
    reasons = house.current.gateway.observation.reasons
    request = a_request(headers=KEYS)
    quote = Unauthenticated("no such key: key-of-the-first")
    assert reasons.word(quote, request.headers) == WITHHELD
    await house.reload(loaded(parts="second"))
    reasons = house.current.gateway.observation.reasons
    assert reasons.word(quote, request.headers) == WITHHELD
    assert "other" in reasons.word(Unauthenticated("key-of-the-other"), request.headers)


async def test_the_old_house_closes_only_when_its_last_guest_has_left(house, loaded, journal):
    inside, leave = asyncio.Event(), asyncio.Event()

    async def linger():
        inside.set()
        await leave.wait()

    guest = asyncio.ensure_future(delivered(house, linger))
    await inside.wait()
    await house.reload(loaded(parts="second"))
    assert await delivered(house) == [b"ok"]
    assert journal == ["open parts second"]
    assert house.inside == 1
    leave.set()
    assert await guest == [b"ok"]
    await house.settled()
    assert journal == ["open parts second", "close parts first"]


async def test_a_configuration_that_cannot_open_changes_nothing(house, loaded, journal):
    before = house.current
    with pytest.raises(Misconfigured, match="plugin other"):
        await house.reload(loaded(other="broken"))
    assert house.current is before
    assert await delivered(house) == [b"ok"]
    assert journal == ["open other broken"]


async def test_closing_tells_the_last_stories_and_closes_every_plugin(house, journal):
    await delivered(house)
    [parts] = [f.plugin for f in house.current.furnishings if f.name == "parts"]
    await house.close()
    assert [story.status for story in parts.observer.exchanges] == [200]
    assert journal == ["close keeper first", "close other first", "close parts first"]
    assert not house.accepting


async def test_a_house_that_stops_opens_nothing_more(house, loaded, journal):
    before = house.current
    house.accepting = False
    with pytest.raises(Misconfigured, match="it is stopping"):
        await house.reload(loaded(other="second"))
    assert house.current is before
    assert journal == []


async def test_a_guest_who_never_leaves_does_not_keep_the_house_open(house, journal, monkeypatch):
    monkeypatch.setattr(house_module, "EMPTY_SECONDS", 0.01)
    inside = asyncio.Event()

    async def stay():
        inside.set()
        await asyncio.Future()

    guest = asyncio.ensure_future(delivered(house, stay))
    await inside.wait()
    await house.close()
    assert journal == ["close keeper first", "close other first", "close parts first"]
    guest.cancel()
    await asyncio.wait([guest])


async def test_what_the_edge_refused_before_it_was_a_request_is_told_too(house):
    house.refused("0" * 32, "192.0.2.1", Failure("edge", "why\n"))
    [parts] = [f.plugin for f in house.current.furnishings if f.name == "parts"]
    await house.close()
    [story] = parts.observer.exchanges
    assert (story.id, story.peer, story.status, story.method) == ("0" * 32, "192.0.2.1", 503, "")
    assert story.reason == r"why\n"


async def test_the_current_generations_checks_are_the_houses(house):
    assert [await check.check() for check in house.checks] == [None]


async def test_a_house_that_closes_in_a_hurry_ends_the_exchanges_of_every_generation(house, loaded):
    inside = []
    entered, never = asyncio.Event(), asyncio.Event()

    async def stay():
        inside.append(1)
        entered.set()
        await never.wait()

    guests = []
    for words in ("first", "second"):
        guests.append(asyncio.ensure_future(delivered(house, stay)))
        await entered.wait()
        entered.clear()
        await house.reload(loaded(other=words))
    house.dismiss()
    ended = await asyncio.gather(*guests, return_exceptions=True)
    assert [type(error) for error in ended] == [asyncio.CancelledError] * 2
    [parts] = [f.plugin for f in house.current.furnishings if f.name == "parts"]
    await house.settled()
    assert {story.part for story in parts.observer.exchanges} == {"gateway"}


async def test_what_is_on_trial_is_open_and_its_other_parts_are_not_used(house, loaded, journal):
    """Taken off trial it goes on as it is: nothing is opened again."""

    class Sickly(_Noted):
        @hookimpl
        def health(self, services):
            return [TrivialHealthCheck(deny)]

    def with_sickly(trial):
        made = loaded()
        sickly = type("Sickly", (Sickly,), {"journal": journal})
        enabled = (*made.enabled, Enabled("sickly", classes.setdefault(0, sickly), "t", "1", trial))
        sections = {**made.sections, "sickly": Worded(word="first")}
        return msgspec.structs.replace(made, enabled=enabled, sections=sections)

    classes = {}
    before = len(house.checks)
    await house.reload(with_sickly(trial=True))
    assert (len(house.checks), len(house.current.furnishings)) == (before, 4)
    noted = list(journal)
    assert [entry for entry in noted if "sickly" in str(entry).lower()]
    await house.reload(with_sickly(trial=False))
    assert len(house.checks) == before + 1
    assert journal == noted
