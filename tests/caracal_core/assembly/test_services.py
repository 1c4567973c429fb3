"""Each plugin gets its services under its own name."""

import time

from caracal_core.assembly.fetching import HttpService
from caracal_core.assembly.masking import Masking
from caracal_core.assembly.metrics import MetricsBook
from caracal_core.assembly.secrets import MountedSecrets
from caracal_core.assembly.services import SystemClock, lender
from caracal_core.assembly.unopened import no_authorities
from caracal_core.testing.fakes import FakeHashKeys, FakeSigningKeys, NoDatabase


def a_lender(book):
    secrets = MountedSecrets(Masking())
    return lender(
        SystemClock(),
        NoDatabase(),
        book,
        secrets,
        FakeHashKeys(),
        FakeSigningKeys(),
        no_authorities,
    )


def test_metrics_and_logs_bear_the_plugin_s_name():
    book = MetricsBook()
    lend = a_lender(book)
    services = lend("auth_jwt")
    services.metrics.counter("keys", "Keys.").add()
    assert services.log.name == "caracal.auth_jwt"
    assert b"\ncaracal_auth_jwt_keys_total 1.0\n" in book.expose()


def test_documents_are_fetched_for_plugins():
    lend = a_lender(MetricsBook())
    assert isinstance(lend("auth_jwt").http, HttpService)


def test_the_metrics_of_exchanges_are_the_gateway_s_own():
    book = MetricsBook()
    lend = a_lender(book)
    lend("prometheus").metrics.counter("requests", "Requests.").add()
    assert b"\ncaracal_requests_total 1.0\n" in book.expose()


def test_the_clock_tells_the_machine_s_time():
    clock = SystemClock()
    assert abs(clock.now() - time.time()) < 60
    first = clock.monotonic()
    assert clock.monotonic() >= first
