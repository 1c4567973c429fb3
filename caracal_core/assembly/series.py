"""What stands under one metric's name: plain numbers, published while somebody scrapes."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from prometheus_client.metrics_core import Metric

SERIES_MAX = 1_000
"""Sets of labels that one name may have; all further ones are counted together, as `OTHER`."""

OTHER = "other"
"""The value of every label of what is past the bound."""


class Series(Protocol):
    """The value under one name and one set of labels."""

    metric_type: ClassVar[str]

    def publish(self, metric: Metric, labels: dict[str, str]) -> None:
        """Add the samples to Prometheus' own object."""


S = TypeVar("S", bound=Series)


class Number:
    """A counter's value."""

    metric_type: ClassVar[str] = "counter"
    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: float = 0

    def add(self, amount: float = 1) -> None:
        """Add to it.

        Raises:
            ValueError: the amount is negative, or no number.
        """
        if not amount >= 0:
            raise ValueError("a counter only grows")
        self.value += amount

    def publish(self, metric: Metric, labels: dict[str, str]) -> None:
        metric.add_sample(f"{metric.name}_total", labels, self.value)


class Spread:
    """A histogram's value.

    Args:
        bounds: the upper bounds of its buckets, rising; one without a bound is added.
    """

    metric_type: ClassVar[str] = "histogram"
    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = (*map(float, bounds), math.inf)
        self._counts = [0] * len(self._bounds)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Count it in its bucket."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def publish(self, metric: Metric, labels: dict[str, str]) -> None:
        for bound, count in zip(self._bounds, accumulate(self._counts), strict=True):
            bucket = labels | {"le": repr(bound) if bound < math.inf else "+Inf"}
            metric.add_sample(f"{metric.name}_bucket", bucket, count)
        metric.add_sample(f"{metric.name}_count", labels, sum(self._counts))
        metric.add_sample(f"{metric.name}_sum", labels, self._sum)


class Gauge:
    """A number that is read at each scrape.

    Attributes:
        read: reads it; where that fails, the sample is not a number.
    """

    metric_type: ClassVar[str] = "gauge"
    __slots__ = ("read",)

    def __init__(self, read: Callable[[], float]) -> None:
        self.read = read

    def publish(self, metric: Metric, labels: dict[str, str]) -> None:
        try:
            value = float(self.read())
        except Exception:  # noqa: BLE001 - one broken gauge must not hide every other metric
            value = math.nan
        metric.add_sample(metric.name, labels, value)


class Family(Generic[S]):
    """Every series under one name.

    Args:
        kind: what they are.
        help: the sentence that explains them.
    """

    def __init__(self, kind: type[S], help: str) -> None:
        self.kind = kind
        self._help = help
        self._series: dict[tuple[tuple[str, str], ...], S] = {}

    def at(self, labels: Mapping[str, str], make: Callable[[], S]) -> S:
        """Return the series of these labels, made at first use."""
        key = tuple(sorted(labels.items()))
        found = self._series.get(key)
        if found is None:
            if len(self._series) >= SERIES_MAX:
                key = tuple((label, OTHER) for label, _ in key)
            found = self._series.setdefault(key, make())
        return found

    def all(self) -> Sequence[S]:
        """Return every series that is there now."""
        return tuple(self._series.values())

    def publish(self, name: str) -> Metric:
        """Return Prometheus' own object."""
        metric = Metric(name, self._help, self.kind.metric_type)
        for labels, series in self._series.items():
            series.publish(metric, dict(labels))
        return metric


AnyFamily = Family[Any]
"""A family of whichever kind."""
