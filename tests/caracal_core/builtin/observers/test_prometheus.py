"""Every exchange is counted once, under labels that no client chooses."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from caracal_core.assembly.metrics import MetricsBook
from caracal_core.builtin.observers.prometheus import KINDS_MAX, PrometheusPlugin
from caracal_core.domain import Exchange, Money
from caracal_core.plugin import Config
from caracal_core.testing.fakes.services import FakeMetrics, a_services


@pytest.fixture
def metrics():
    return FakeMetrics()


@pytest.fixture
def observer(metrics):
    (observer,) = PrometheusPlugin(Config()).observers(a_services(metrics=metrics))
    return observer


def an_exchange(**fields):
    known = {"id": "0" * 32, "started_at": 1.0, "seconds": 0.2, "peer": "10.0.0.1"}
    return Exchange(**{**known, "method": "GET", "path": "/x", "status": 200, **fields})


async def test_a_reply_is_counted_by_route_and_status_class_and_timed(observer, metrics):
    await observer.observe(an_exchange(route="openai", status=201, seconds=0.3))
    await observer.observe(an_exchange(route="openai", status=204, seconds=0.1))
    assert metrics.counted("requests", route="openai", status="2xx", code="") == 2
    assert metrics.observed("request_seconds", route="openai") == (0.3, 0.1)


async def test_a_refusal_is_counted_by_its_code_and_a_failure_by_its_part(observer, metrics):
    await observer.observe(an_exchange(status=404, code="no_route"))
    await observer.observe(an_exchange(status=503, code="unavailable", part="x policy", route="r"))
    assert metrics.counted("requests", route="", status="4xx", code="no_route") == 1
    assert metrics.counted("refusals", code="no_route") == 1
    assert metrics.counted("requests", route="r", status="5xx", code="unavailable") == 1
    assert metrics.counted("failures", part="x policy") == 1
    assert metrics.counted("refusals", code="unavailable") == 0


@pytest.mark.parametrize(("status", "of"), [(200, "2xx"), (499, "4xx")])
async def test_a_client_that_hung_up_is_counted_as_such_and_not_as_refused(
    observer, metrics, status, of
):
    await observer.observe(an_exchange(route="r", status=status, code="client_gone"))
    assert metrics.counted("requests", route="r", status=of, code="client_gone") == 1
    assert metrics.counted("requests", route="r", status=of, code="") == 0
    assert metrics.counted("refusals", code="client_gone") == 0


async def test_a_reason_is_no_label(observer, metrics):
    """Reasons are many, and some name agents."""
    for reason in ("it is 301 s old", "it is 302 s old"):
        await observer.observe(an_exchange(status=401, code="unauthenticated", reason=reason))
    assert metrics.counted("refusals", code="unauthenticated") == 2
    assert metrics.counted("requests", route="", status="4xx", code="unauthenticated") == 2


async def test_a_charge_is_counted_by_its_cause_with_what_it_cost(observer, metrics):
    for micro, cause in ((250_000, "reply"), (1, "reply"), (0, "error_status")):
        await observer.observe(an_exchange(charge="c", posted=Money(micro, "USD"), cause=cause))
    assert metrics.counted("charges", cause="reply") == 2
    assert metrics.counted("charges", cause="error_status") == 1
    assert metrics.counted("charged_micro", cause="reply", currency="USD") == 250_001


async def test_a_refused_hold_is_no_charge(observer, metrics):
    await observer.observe(an_exchange(status=402, code="budget_exceeded", charge="c"))
    assert metrics.counted("charges", cause="reply") == 0


async def test_nothing_that_a_client_chooses_reaches_a_label():
    book = MetricsBook()
    (observer,) = PrometheusPlugin(Config()).observers(a_services(metrics=book.labelled("caracal")))
    theirs = {"agent": "THEIRS", "path": "/THEIRS", "method": "THEIRS", "client_id": "THEIRS"}
    await observer.observe(an_exchange(peer="THEIRS", id="THEIRS", charge="THEIRS", **theirs))
    text = book.expose().decode()
    assert "caracal_requests_total" in text
    assert "THEIRS" not in text


async def test_kinds_without_end_take_no_memory_without_end():
    """A plugin that makes up codes: the counters stop growing, and nothing goes uncounted."""
    book = MetricsBook()
    (observer,) = PrometheusPlugin(Config()).observers(a_services(metrics=book.labelled("caracal")))
    for number in range(KINDS_MAX + 500):
        await observer.observe(an_exchange(status=400, code=f"made_up_{number}"))
    assert len(observer._kinds) == KINDS_MAX
    families = {f.name: f for f in text_string_to_metric_families(book.expose().decode())}
    for name in ("caracal_requests", "caracal_refusals"):
        assert sum(s.value for s in families[name].samples) == KINDS_MAX + 500
        assert len(families[name].samples) == KINDS_MAX + 1
