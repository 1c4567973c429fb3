"""What the gateway ends itself ends as cut, or not sent, and never as the client's doing."""

import asyncio

import pytest

from caracal_core.domain import Settle
from caracal_core.testing.fakes import TrivialObserver, TrivialUpstream, a_request, a_route, usd
from caracal_core.testing.fakes.script import Hold, Silence
from caracal_core.testing.rehearsal import Rehearsal


@pytest.fixture
def reached():
    return asyncio.Event()


@pytest.fixture
def upstream(reached):
    """An upstream that is asked and sends nothing."""

    async def hang(_yes, _no):
        reached.set()
        await asyncio.Future()

    return TrivialUpstream(hang)


@pytest.mark.parametrize("rule", ["post", "void"])
@pytest.mark.parametrize(
    ("step", "cause"), [(None, "not_sent"), (Silence(), "cut"), (Hold(b"be"), "cut")]
)
async def test_it_ends_by_the_rule_for_what_is_cut(upstream, reached, rule, step, cause):
    """Before a byte was sent, before a reply, and in the midst of one."""
    observer = TrivialObserver()
    other = "void" if rule == "post" else "post"
    terms = a_route(tariff="test-tariff", settle=Settle(cut=rule, client_gone=other)).terms
    parts = {} if step else {"upstreams": {"test-upstream": upstream}}
    async with Rehearsal(terms=terms, observers=[observer], **parts) as house:
        house.ledger.limit("test-agent", usd("1"))
        if step:
            house.upstream.will(step)
        call = asyncio.ensure_future(house.call(a_request()))
        async with asyncio.timeout(10):
            while not (reached.is_set() or house.upstream.received):
                await asyncio.wait([call], timeout=0.01)
        house.gateway.observation.warden.dismiss()
        await asyncio.wait([call])
        await house.gateway.observation.drain()
    assert call.cancelled()
    [story] = observer.exchanges
    assert story.cause == cause
    assert bool(story.posted.micro) is (cause == "cut" and rule == "post")
