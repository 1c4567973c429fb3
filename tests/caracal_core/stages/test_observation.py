"""Every exchange is told once, with what it came to, and observers never hold anybody up."""

import asyncio
import types

import msgspec
import pytest

from caracal_core.domain import CredentialName, Decision, Principal
from caracal_core.errors import Denied, Failure, NoRoute, Unauthenticated, UpstreamUnreachable
from caracal_core.stages import observation as observation_module
from caracal_core.stages.observation import Observation
from caracal_core.stages.part import Part
from caracal_core.stages.reasons import Reasons
from caracal_core.stages.trial import Outcome
from caracal_core.testing.fakes.behaviour import Stubborn, broken, cancels, slow
from caracal_core.testing.fakes.parts import TrivialObserver
from caracal_core.testing.fakes.request import a_request
from caracal_core.testing.fakes.values import a_principal, a_route

PROXY = CredentialName("mtls", "proxy 1")


class _Counter:
    def __init__(self):
        self.count = 0

    def add(self, amount=1):
        self.count += amount


@pytest.fixture
async def observe(warden):
    """Make a running observation of these observers, and its counter of lost stories."""
    tasks = []

    def start(*observers, running=True):
        lost = _Counter()
        parts = [Part("o", o.observe, (types.NoneType,), 0.05) for o in observers]
        reasons = Reasons(lambda text: text.replace("kn0wn", "***"), frozenset({"authorization"}))
        made = Observation(parts, warden, lost, reasons)
        if running:
            tasks.append(asyncio.create_task(made.tell()))
        return made, lost

    yield start
    for task in tasks:
        task.cancel()
        await asyncio.wait([task])


def watch(observation, request, *, error=None, **reached):
    with observation.watch(request) as (record, _due):
        for name, value in reached.items():
            setattr(record, name, value)
        if error is not None:
            raise error


async def test_a_story_holds_what_was_reached(observe):
    observer = TrivialObserver()
    observation, _ = observe(observer)
    request = a_request("POST", "/x?secret=1", headers={"X-Request-ID": "client-7"})
    watch(
        observation,
        request,
        route=a_route("r"),
        principal=Principal("anna", "jwt", credential="idp t1", via=(PROXY,)),
        decision=Decision(permit=True, policy="p"),
        status=201,
    )
    await observation.drain()
    [story] = observer.exchanges
    assert (story.id, story.client_id, story.method, story.path) == (
        request.id,
        "client-7",
        "POST",
        "/x",
    )
    assert (story.route, story.agent, story.scheme, story.permitted, story.policy) == (
        "r",
        "anna",
        "jwt",
        True,
        "p",
    )
    assert (story.status, story.code, story.charge, story.posted) == (201, None, None, None)
    assert (story.credential_id, story.via) == ("idp t1", (PROXY,))


@pytest.mark.parametrize(
    ("error", "status", "code", "part", "reason"),
    [
        (NoRoute(), 404, "no_route", None, "No route matches this path."),
        (Failure("strange policy", "junk"), 503, "unavailable", "strange policy", "junk"),
        (asyncio.CancelledError(), 499, "client_gone", None, "the client hung up"),
        (RuntimeError("s3cret"), 503, None, None, "raised RuntimeError"),
    ],
)
async def test_a_story_says_how_it_went_wrong(observe, error, status, code, part, reason):
    observer = TrivialObserver()
    observation, _ = observe(observer)
    with pytest.raises(type(error)):
        watch(observation, a_request(), error=error)
    await observation.drain()
    [story] = observer.exchanges
    assert (story.status, story.code, story.part) == (status, code, part)
    assert story.reason == reason


async def test_a_reply_that_is_cut_after_its_head_says_why(observe):
    observer = TrivialObserver()
    observation, _ = observe(observer)
    with pytest.raises(Failure):
        watch(observation, a_request(), status=200, error=UpstreamUnreachable("u", "it was reset"))
    watch(observation, a_request(), status=500)
    await observation.drain()
    assert [story.reason for story in observer.exchanges] == ["it was reset", None]


async def test_a_client_that_hangs_up_on_its_reply_is_told_from_one_that_got_it_all(observe):
    """The status is what both of them were sent."""
    observer = TrivialObserver()
    observation, _ = observe(observer)
    with pytest.raises(asyncio.CancelledError):
        watch(observation, a_request(), status=200, error=asyncio.CancelledError())
    watch(observation, a_request(), status=200)
    await observation.drain()
    gone, served = observer.exchanges
    assert (gone.status, gone.code, gone.part) == (200, "client_gone", None)
    assert (served.status, served.code) == (200, None)


@pytest.mark.parametrize(("reached", "status"), [({}, 503), ({"status": 200}, 200)])
async def test_what_the_gateway_ended_itself_is_told_as_its_own_doing(
    observe, warden, reached, status
):
    observer = TrivialObserver()
    observation, _ = observe(observer)
    warden.dismiss()
    with pytest.raises(asyncio.CancelledError):
        watch(observation, a_request(), error=asyncio.CancelledError(), **reached)
    await observation.drain()
    [story] = observer.exchanges
    assert (story.status, story.part, story.code) == (status, "gateway", "unavailable")
    assert story.reason == "the gateway stopped and could not wait for the reply"


async def test_a_reason_that_quotes_the_credential_is_not_told(observe):
    observer = TrivialObserver()
    observation, _ = observe(observer)
    request = a_request(headers={"authorization": "Test t0ken-of-anna"})
    with pytest.raises(Unauthenticated):
        watch(observation, request, error=Unauthenticated("t0ken-of-anna is unknown"))
    await observation.drain()
    assert observer.exchanges[0].reason == "withheld: it held the client's credential"


@pytest.mark.parametrize(
    "error", [Unauthenticated(ValueError("no")), Denied(b"no"), Failure("x", KeyError("no"))]
)
async def test_a_reason_that_is_no_text_costs_neither_the_story_nor_the_answer(observe, error):
    observer = TrivialObserver()
    observation, _ = observe(observer)
    with pytest.raises(type(error)):
        watch(observation, a_request(), error=error)
    await observation.drain()
    [story] = observer.exchanges
    assert (story.status, story.code) == (error.status, error.code)
    assert story.reason == f"raised {type(error).__name__}"


async def test_a_secret_in_the_path_or_in_the_clients_id_is_not_told(observe):
    """Clients put keys into the strangest places, and every story is written down."""
    observer = TrivialObserver()
    observation, _ = observe(observer)
    watch(observation, a_request("GET", "/x/kn0wn", headers={"X-Request-ID": "id-kn0wn"}))
    await observation.drain()
    [story] = observer.exchanges
    assert (story.path, story.client_id) == ("/x/***", "id-***")


async def test_a_denial_names_its_policy(observe):
    observer = TrivialObserver()
    observation, _ = observe(observer)
    with pytest.raises(Denied):
        watch(observation, a_request(), error=Denied("why", policy="no-writers"))
    await observation.drain()
    [story] = observer.exchanges
    assert (story.permitted, story.policy, story.reason) == (False, "no-writers", "why")


@pytest.mark.parametrize("sent", ["a b", "x" * 129, "caf\u00e9", "new\nline", ""])
async def test_a_malformed_id_of_the_clients_is_not_recorded(observe, sent):
    observer = TrivialObserver()
    observation, _ = observe(observer)
    watch(observation, a_request(headers={"X-Request-ID": sent}))
    await observation.drain()
    assert observer.exchanges[0].client_id is None


@pytest.mark.parametrize("behave", [broken, slow, cancels])
async def test_an_observer_that_breaks_or_hangs_costs_only_its_own_story(observe, behave):
    bad, good = TrivialObserver(behave), TrivialObserver()
    observation, lost = observe(bad, good)
    watch(observation, a_request())
    watch(observation, a_request())
    await observation.drain()
    assert (len(good.exchanges), lost.count) == (2, 2)


async def test_an_observer_that_cannot_be_cancelled_costs_only_its_own_stories(observe, warden):
    stuck, good = TrivialObserver(Stubborn(10**9)), TrivialObserver()
    observation, _ = observe(stuck, good)
    for _ in range(3):
        watch(observation, a_request())
    await observation._telling[1].idle.wait()
    assert (len(good.exchanges), len(stuck.exchanges)) == (3, 1)
    stuck._behave._swallows = stuck._behave.swallowed


async def test_past_its_limit_the_oldest_story_is_dropped_and_counted(observe, monkeypatch):
    monkeypatch.setattr(observation_module, "MOST_WAITING", 2)
    observer = TrivialObserver()
    observation, lost = observe(observer, running=False)
    requests = [a_request() for _ in range(3)]
    for request in requests:
        watch(observation, request)
    telling = asyncio.create_task(observation.tell())
    await observation.drain()
    telling.cancel()
    assert [story.id for story in observer.exchanges] == [request.id for request in requests[1:]]
    assert lost.count == 1


async def test_the_watch_over_deadlines_ends_with_the_exchange(observe, warden):
    observation, _ = observe(running=False)
    with observation.watch(a_request()):
        assert len(warden) == 1
    assert len(warden) == 0


async def test_a_story_tells_what_was_shown_and_what_proved_it_and_never_a_credential(observe):
    observer = TrivialObserver()
    observation, _ = observe(observer)
    observation.own_headers = frozenset({"x-their-token"})
    headers = {"Authorization": "Bearer very-secret", "X-Their-Token": "very-secret"}
    watch(
        observation,
        a_request(headers=headers, certificate=b"very-secret"),
        principal=msgspec.structs.replace(a_principal("anna"), schemes=("mtls", "outside")),
        trial=Outcome(("jwt",), ("api_key",)),
    )
    with pytest.raises(NoRoute):
        watch(observation, a_request(headers=headers), error=NoRoute())
    await observation.drain()
    let_in, refused = observer.exchanges
    assert let_in.shown == ("bearer_other", "certificate", "header:x-their-token")
    assert let_in.proved == ("mtls", "outside")
    assert (let_in.trial_proved, let_in.trial_refused) == (("jwt",), ("api_key",))
    assert refused.shown == ("bearer_other", "header:x-their-token")
    assert (refused.proved, refused.trial_proved, refused.trial_refused) == ((), (), ())
    assert b"very-secret" not in msgspec.json.encode(observer.exchanges)
