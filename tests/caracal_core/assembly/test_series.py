"""Plain numbers become what Prometheus expects, and one name's series are bounded."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.metrics_core import Metric

from caracal_core.assembly.series import OTHER, SERIES_MAX, Family, Gauge, Number, Spread


def published(series, kind):
    metric = Metric("m", "help", kind)
    series.publish(metric, {"a": "b"})
    return {(s.name, s.labels.get("le")): s.value for s in metric.samples}


@pytest.mark.parametrize("amount", [-1, -0.5, math.nan])
def test_a_counter_refuses_to_shrink(amount):
    number = Number()
    number.add(3)
    with pytest.raises(ValueError, match="only grows"):
        number.add(amount)
    assert published(number, "counter") == {("m_total", None): 3}


def test_a_value_on_a_bound_belongs_to_its_bucket_and_buckets_add_up():
    spread = Spread((0.1, 1))
    for value in (0.05, 0.1, 0.5, 7):
        spread.observe(value)
    assert published(spread, "histogram") == {
        ("m_bucket", "0.1"): 2,
        ("m_bucket", "1.0"): 3,
        ("m_bucket", "+Inf"): 4,
        ("m_count", None): 4,
        ("m_sum", None): pytest.approx(7.65),
    }


@given(st.lists(st.floats(0, 100)))
def test_whatever_is_observed_the_last_bucket_holds_everything(values):
    spread = Spread((1, 10))
    for value in values:
        spread.observe(value)
    samples = published(spread, "histogram")
    assert samples["m_bucket", "+Inf"] == samples["m_count", None] == len(values)
    assert samples["m_bucket", "1.0"] == sum(value <= 1 for value in values)


def test_a_gauge_that_raises_is_not_a_number():
    assert math.isnan(published(Gauge(lambda: 1 / 0), "gauge")["m", None])


def test_labels_past_the_bound_are_counted_together():
    """A part that puts ids into labels cannot eat the memory."""
    family = Family(Number, "help")
    for number in range(SERIES_MAX + 500):
        family.at({"id": str(number)}, Number).add()
    samples = {s.labels["id"]: s.value for s in family.publish("m").samples}
    assert len(samples) == SERIES_MAX + 1
    assert samples[OTHER] == 500
    assert samples["0"] == 1
