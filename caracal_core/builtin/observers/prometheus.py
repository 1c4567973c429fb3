"""Counts finished exchanges for Prometheus, by labels that are few and bounded.

No label holds what a client chose: no agent, path, nonce or address. Names of routes and parts
come from the configuration and the plugins, codes and causes from the house.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from caracal_core.domain import Exchange
from caracal_core.domain.exchange import CLIENT_GONE
from caracal_core.plugin import Config, Plugin, Services, hookimpl
from caracal_core.ports import Counter, Histogram, Metrics, Observer

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
"""Upper bounds of the ranges of an exchange's duration; streams of tokens take minutes."""

KINDS_MAX = 1_000
"""Kinds of exchanges whose counters are kept at hand."""

Key = tuple[str | None, int, str | None, str | None]


class Kind(Struct, frozen=True):
    """The counters that exchanges of one route, status class and outcome add to."""

    requests: Counter
    seconds: Histogram
    outcome: Counter | None


class ExchangeMetrics:
    """The observer: in the usual case two additions and two look-ups."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._kinds: dict[Key, Kind] = {}
        self._charges: dict[tuple[str, str], tuple[Counter, Counter]] = {}

    async def observe(self, exchange: Exchange) -> None:
        status = (exchange.status or 0) // 100
        key = (exchange.route, status, exchange.code, exchange.part)
        kind = self._kinds.get(key) or self._kind(key)
        kind.requests.add()
        kind.seconds.observe(exchange.seconds)
        if kind.outcome is not None:
            kind.outcome.add()
        if exchange.posted is not None and exchange.cause is not None:
            charges, spent = self._charge(exchange.cause, exchange.posted.currency)
            charges.add()
            spent.add(exchange.posted.micro)

    def _kind(self, key: Key) -> Kind:
        """Make the counters of a kind that was not met before."""
        route, status, code, part = key
        kind = Kind(
            self._metrics.counter(
                "requests",
                "Finished exchanges.",
                route=route or "",
                status=f"{status}xx",
                code=code or "",
            ),
            self._metrics.histogram(
                "request_seconds",
                "From the whole head of a request to the last byte of its answer.",
                SECONDS,
                route=route or "",
            ),
            self._outcome(code, part),
        )
        if len(self._kinds) < KINDS_MAX:
            self._kinds[key] = kind
        return kind

    def _outcome(self, code: str | None, part: str | None) -> Counter | None:
        if part is not None:
            return self._metrics.counter("failures", "Exchanges that a part failed.", part=part)
        if code is not None and code != CLIENT_GONE:  # nobody refused anything
            return self._metrics.counter("refusals", "Exchanges that were refused.", code=code)
        return None

    def _charge(self, cause: str, currency: str) -> tuple[Counter, Counter]:
        """Return what counts charges of this end, and their money."""
        found = self._charges.get((cause, currency))
        if found is None:
            found = self._charges[cause, currency] = (
                self._metrics.counter("charges", "Holds that ended, by why.", cause=cause),
                self._metrics.counter(
                    "charged_micro",
                    "Money posted for exchanges, in millionths of the currency's unit.",
                    cause=cause,
                    currency=currency,
                ),
            )
        return found


class PrometheusPlugin(Plugin[Config]):
    """Metrics of every exchange, on the operations port's ``/metrics``."""

    at_root = True
    name = "prometheus"

    @hookimpl
    def observers(self, services: Services) -> Sequence[Observer]:
        return [ExchangeMetrics(services.metrics)]
