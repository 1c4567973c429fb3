"""The metrics of one gateway, and each plugin's own corner of them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from caracal_core.assembly.series import AnyFamily, Family, Gauge, Number, S, Spread
from caracal_core.errors import Misconfigured
from caracal_core.ports import Counter, Histogram

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
"""Of what `MetricsBook.expose` returns."""

NAMES_MAX = 1_000
"""Names that one gateway may have."""

_NAME = re.compile(r"[a-z_][a-z0-9_]*", re.ASCII | re.IGNORECASE)
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9_]", re.ASCII | re.IGNORECASE)
_RESERVED = frozenset({"le", "quantile"})


class MetricsBook(Collector):
    """Every metric of one gateway; it outlives live reloads, as counters must."""

    def __init__(self) -> None:
        self._families: dict[str, AnyFamily] = {}
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def labelled(self, prefix: str) -> PluginMetrics:
        """Return the corner in which every name begins with ``prefix``."""
        return PluginMetrics(self, _NOT_IN_A_NAME.sub("_", prefix))

    def family(self, name: str, kind: type[S], help: str, labels: Iterable[str]) -> Family[S]:
        """Return the family of this name, made at first use.

        Raises:
            Misconfigured: the name or a label is malformed, the name has another type
                already, or there are too many names.
        """
        family = self._families.get(name)
        if family is None:
            if not _NAME.fullmatch(name):
                raise _refused(name, "its name is not made of letters, digits and _")
            if len(self._families) >= NAMES_MAX:
                raise _refused(name, f"there are {NAMES_MAX} metrics already")
            family = self._families[name] = Family(kind, help)
        if family.kind is not kind:
            raise _refused(name, f"it is a {family.kind.metric_type} already")
        for label in labels:
            if label in _RESERVED or not _NAME.fullmatch(label):
                raise _refused(name, f"{label} cannot be the name of a label")
        return family

    @contextmanager
    def gauges_kept(self) -> Iterator[None]:
        """Have every gauge read what it read before, where the block fails, and no other be there.

        A new generation that opens and is thrown away has published its gauges by then, and
        theirs would go on reading what nobody uses.
        """
        before = {name: gauge.read for name, gauge in self._gauges()}
        try:
            yield
        except BaseException:
            for name, gauge in self._gauges():
                if name in before:
                    gauge.read = before[name]
                else:
                    del self._families[name]
            raise

    def _gauges(self) -> Sequence[tuple[str, Gauge]]:
        """Return every gauge and its name; none has labels, so none shares its name."""
        return [
            (name, gauge)
            for name, family in self._families.items()
            for gauge in family.all()
            if isinstance(gauge, Gauge)
        ]

    def collect(self) -> Iterator[Metric]:
        """Give Prometheus' own objects, for one scrape."""
        for name, family in self._families.items():
            yield family.publish(name)

    def expose(self) -> bytes:
        """Return everything in Prometheus' text format 0.0.4."""
        return generate_latest(self._registry)


class PluginMetrics:
    """What a plugin measures; `caracal_core.ports.Metrics`."""

    def __init__(self, book: MetricsBook, prefix: str) -> None:
        self._book = book
        self._prefix = prefix

    def counter(self, name: str, help: str, **labels: str) -> Counter:
        return self._book.family(self._full(name), Number, help, labels).at(labels, Number)

    def histogram(self, name: str, help: str, bounds: Sequence[float], **labels: str) -> Histogram:
        edges = tuple(bounds)
        if list(edges) != sorted(set(edges)) or not all(map(math.isfinite, edges)):
            raise _refused(self._full(name), "its bounds are not finite numbers that rise")
        family = self._book.family(self._full(name), Spread, help, labels)
        return family.at(labels, lambda: Spread(edges))

    def gauge(self, name: str, help: str, read: Callable[[], float]) -> None:
        """The newest ``read`` wins, so that a live reload's plugin takes over the name."""
        family = self._book.family(self._full(name), Gauge, help, ())
        family.at({}, lambda: Gauge(read)).read = read

    def _full(self, name: str) -> str:
        return f"{self._prefix}_{name}"


def _refused(name: str, what: str) -> Misconfigured:
    return Misconfigured(f"metric {name}", what, "See Metrics in caracal_core.ports.")
