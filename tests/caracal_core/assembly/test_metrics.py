"""What plugins measure arrives in Prometheus' text, under the plugin's own name."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from caracal_core.assembly.metrics import NAMES_MAX, MetricsBook
from caracal_core.errors import Misconfigured


@pytest.fixture
def book():
    return MetricsBook()


def samples(book, start="caracal_"):
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(book.expose().decode())
        for sample in family.samples
        if sample.name.startswith(start)
    }


def test_each_type_is_exposed_and_the_same_labels_are_the_same_series(book):
    metrics = book.labelled("caracal_auth_jwt")
    metrics.counter("keys", "Keys.", state="good", kid="a").add(2)
    metrics.counter("keys", "Keys.", kid="a", state="good").add()
    metrics.histogram("seconds", "Time.", (1, 2)).observe(1.5)
    metrics.gauge("age", "Age.", lambda: 4)
    assert samples(book) == {
        ("caracal_auth_jwt_keys_total", ("kid", "a"), ("state", "good")): 3,
        ("caracal_auth_jwt_seconds_bucket", ("le", "1.0")): 0,
        ("caracal_auth_jwt_seconds_bucket", ("le", "2.0")): 1,
        ("caracal_auth_jwt_seconds_bucket", ("le", "+Inf")): 1,
        ("caracal_auth_jwt_seconds_count",): 1,
        ("caracal_auth_jwt_seconds_sum",): 1.5,
        ("caracal_auth_jwt_age",): 4,
    }


def test_two_gateways_in_one_process_count_for_themselves(book):
    book.labelled("caracal_a").counter("n", "N.").add()
    assert samples(MetricsBook()) == {}


def test_the_process_itself_is_measured(book):
    assert ("process_resident_memory_bytes",) in samples(book, "process_")


def test_a_gauge_that_is_published_again_reads_the_newest(book):
    metrics = book.labelled("caracal_a")
    metrics.gauge("n", "N.", lambda: 1)
    metrics.gauge("n", "N.", lambda: 2)
    assert samples(book) == {("caracal_a_n",): 2}


def test_gauges_read_what_they_read_before_where_taking_them_over_fails(book):
    metrics = book.labelled("caracal")
    metrics.gauge("n", "N.", lambda: 1)

    def fail():
        with book.gauges_kept():
            metrics.gauge("n", "N.", lambda: 2)
            metrics.gauge("fresh", "Fresh.", lambda: 3)
            metrics.counter("others", "Others.").add()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert book.expose().decode().count("caracal_n 1.0\n") == 1
    assert "caracal_fresh" not in book.expose().decode()
    with book.gauges_kept():
        metrics.gauge("n", "N.", lambda: 2)
    assert book.expose().decode().count("caracal_n 2.0\n") == 1
    assert "caracal_others_total 1.0" in book.expose().decode()


def test_a_plugin_with_a_name_of_any_form_can_measure(book):
    book.labelled("caracal_my-plugin.v2").counter("n", "N.").add()
    assert samples(book) == {("caracal_my_plugin_v2_n_total",): 1}


def test_a_label_value_cannot_break_out_of_its_line(book):
    hostile = 'x"} 1\ncaracal_forged 9\n\\'
    book.labelled("caracal_a").counter("n", "N.", part=hostile).add()
    assert samples(book) == {("caracal_a_n_total", ("part", hostile)): 1}


def test_malformed_metrics_are_refused_by_name(book):
    metrics = book.labelled("caracal_a")
    metrics.gauge("taken", "N.", lambda: 1)
    with pytest.raises(Misconfigured, match=r"caracal_a_taken: it is a gauge already"):
        metrics.counter("taken", "N.")
    with pytest.raises(Misconfigured, match="caracal_a_x y: its name"):
        metrics.counter("x y", "N.")
    with pytest.raises(Misconfigured, match="le cannot be the name of a label"):
        metrics.histogram("h", "N.", (1,), le="1")
    with pytest.raises(Misconfigured, match="bounds"):
        metrics.histogram("h", "N.", (2, 1))


def test_names_are_bounded(book):
    metrics = book.labelled("caracal_a")
    for number in range(NAMES_MAX):
        metrics.counter(f"n{number}", "N.")
    with pytest.raises(Misconfigured, match="1000 metrics already"):
        metrics.counter("one_more", "N.")
