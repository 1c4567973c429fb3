"""Every exchange is one JSON line on standard output, at its level, to the last one."""

import json
import logging

import pytest

from caracal_core.builtin.observers.exchange_log import ExchangeLogPlugin
from caracal_core.domain import Exchange, Money
from caracal_core.plugin import Config
from caracal_core.testing.fakes.services import FakeMetrics, a_services

FIELDS = {"started_at": 1.5, "seconds": 0.25, "peer": "10.0.0.1", "method": "GET", "path": "/x"}


@pytest.fixture
async def told(capfd):
    """Tell a plugin these exchanges, close it, and return the lines on standard output."""

    async def tell(*exchanges, level=logging.INFO, metrics=None):
        plugin = ExchangeLogPlugin(Config())
        services = a_services(metrics=metrics)
        services.log.setLevel(level)
        (observer,) = plugin.observers(services)
        async with plugin.lifespan(services):
            for exchange in exchanges:
                await observer.observe(exchange)
        return [json.loads(line) for line in capfd.readouterr().out.splitlines()]

    return tell


async def test_an_exchange_is_one_line_with_all_that_is_known_of_it(told):
    exchange = Exchange(
        "a" * 32, **FIELDS, status=200, agent="research-1", charge="c" * 32,
        held=Money(250_000, "USD"), posted=Money(250_000, "USD"), cause="reply",
    )  # fmt: skip
    (line,) = await told(exchange)
    assert line["event"] == "exchange"
    assert line["level"] == "INFO"
    assert line["id"] == "a" * 32
    assert line["agent"] == "research-1"
    assert line["posted"] == {"micro": 250_000, "currency": "USD"}
    assert line["route"] is None


async def test_a_refusal_is_logged_with_its_reason(told):
    story = Exchange(
        "a" * 32, **FIELDS, status=401, code="unauthenticated", reason="it has expired"
    )
    (line,) = await told(story)
    assert (line["level"], line["reason"]) == ("INFO", "it has expired")


async def test_every_one_of_many_is_written_before_the_plugin_is_closed(told):
    lines = await told(*(Exchange(f"{n:032}", **FIELDS) for n in range(2000)))
    assert [int(line["id"]) for line in lines] == list(range(2000))


async def test_no_path_can_forge_a_line(told):
    hostile = '/x"}\n{"event":"exchange","agent":"forged"}\r\n\x1b[2J\x00'
    (line,) = await told(Exchange("a" * 32, **{**FIELDS, "path": hostile}))
    assert line["path"] == hostile


async def test_at_warning_only_what_a_part_failed_is_written(told):
    good = Exchange("a" * 32, **FIELDS, status=200)
    failed = Exchange("b" * 32, **FIELDS, status=503, code="unavailable", part="x policy")
    (line,) = await told(good, failed, level=logging.WARNING)
    assert (line["id"], line["level"]) == ("b" * 32, "WARNING")
    assert await told(good, failed, level=logging.ERROR) == []


async def test_lost_lines_are_a_metric(told):
    metrics = FakeMetrics()
    await told(Exchange("a" * 32, **FIELDS), metrics=metrics)
    assert metrics.read("lost_lines") == 0
