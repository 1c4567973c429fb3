"""The fake services: metrics that can be read, secrets that were given, no database."""

import pytest

from caracal_core.errors import Failure, Misconfigured
from caracal_core.ports import SecretSource
from caracal_core.testing.fakes import (
    FakeClock,
    FakeHashKeys,
    FakeHttp,
    FakeMetrics,
    a_services,
)


def test_a_counter_is_one_for_each_set_of_labels():
    metrics = FakeMetrics()
    metrics.counter("calls_total", "Calls.", kind="a", to="b").add()
    metrics.counter("calls_total", "Calls.", to="b", kind="a").add(2)
    metrics.counter("calls_total", "Calls.", kind="c", to="b").add()
    assert metrics.counted("calls_total", kind="a", to="b") == 3
    assert metrics.counted("calls_total") == 0


def test_a_histogram_keeps_its_values():
    metrics = FakeMetrics()
    metrics.histogram("seconds", "Seconds.", [0.1, 1], kind="a").observe(0.5)
    metrics.histogram("seconds", "Seconds.", [0.1, 1], kind="a").observe(2)
    assert metrics.observed("seconds", kind="a") == (0.5, 2)
    assert metrics.observed("seconds") == ()


def test_a_gauge_is_read_when_asked():
    metrics, values = FakeMetrics(), iter([1.0, 2.0])
    metrics.gauge("level", "Level.", lambda: next(values))
    assert (metrics.read("level"), metrics.read("level")) == (1.0, 2.0)


def test_a_metric_explains_itself():
    with pytest.raises(AssertionError):
        FakeMetrics().counter("calls_total", "")
    with pytest.raises(AssertionError):
        FakeMetrics().gauge("level", "", float)
    with pytest.raises(AssertionError):
        FakeMetrics().histogram("seconds", "", [1])
    with pytest.raises(AssertionError, match="rise"):
        FakeMetrics().histogram("seconds", "Seconds.", [2, 1])


def test_secrets_are_found_where_the_test_put_them():
    secrets = a_services(secrets={"/run/key": "one", "KEY": "two"}).secrets
    assert secrets.read(SecretSource(file="/run/key")) == "one"
    assert secrets.read(SecretSource(env="KEY")) == "two"


@pytest.mark.parametrize("known", [{}, {"KEY": ""}])
def test_a_secret_that_is_not_there_is_a_misconfiguration(known):
    with pytest.raises(Misconfigured):
        a_services(secrets=known).secrets.read(SecretSource(env="KEY"))


async def test_documents_are_found_at_the_urls_the_test_put_them_at():
    http = FakeHttp()
    services = a_services(http=http)
    http.put("https://idp.example/keys", b"keys", ("cache-control", "max-age=5"))
    fetched = await services.http.get("https://idp.example/keys", most_bytes=4, seconds=1)
    assert (fetched.status, fetched.body) == (200, b"keys")
    assert fetched.headers.get("cache-control") == "max-age=5"
    assert http.asked == ["https://idp.example/keys"]


async def test_a_document_that_is_not_there_or_too_long_is_a_failure():
    http = a_services().http
    with pytest.raises(Failure):
        await http.get("https://idp.example/keys", most_bytes=4, seconds=1)
    http.put("https://idp.example/keys", b"keys")
    with pytest.raises(Failure):
        await http.get("https://idp.example/keys", most_bytes=3, seconds=1)


async def test_a_test_without_a_database_learns_that_it_has_none():
    database = a_services().database
    with pytest.raises(Failure):
        await database.fetch("SELECT 1")
    with pytest.raises(Failure):
        await database.execute("SELECT 1")
    with pytest.raises(Failure):
        await database.transact(None)


def test_what_is_given_is_used():
    clock = FakeClock(5.0)
    assert a_services(clock=clock).clock is clock


def test_hash_keys_are_one_fixed_key_unless_given():
    (key,) = a_services().hash_keys.read()
    assert a_services().hash_keys.read()[0].id == key.id
    keys = FakeHashKeys()
    assert a_services(hash_keys=keys).hash_keys is keys


def test_without_hash_keys_they_are_a_misconfiguration():
    keys = FakeHashKeys()
    keys.keys = ()
    with pytest.raises(Misconfigured):
        keys.read()
