"""A refused handshake is counted each time, told once in a while, and ends with its alert."""

import ssl

import pytest

from caracal_core.edge.handshakes import KINDS, QUIET_SECONDS, Handshakes, kind_of
from caracal_core.testing.fakes import FakeClock
from caracal_core.testing.fakes.services import FakeMetrics


def an_error(reason):
    error = ssl.SSLError()
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("CERTIFICATE_VERIFY_FAILED", "certificate"),
        ("TLSV1_ALERT_UNKNOWN_CA", "alert"),
        ("HTTP_REQUEST", "plain_http"),
        ("UNSUPPORTED_PROTOCOL", "version"),
        ("WRONG_VERSION_NUMBER", "version"),
        ("NO_SHARED_CIPHER", "cipher"),
        ("SOMETHING_NEW", "other"),
        (None, "other"),
    ],
)
def test_every_reason_is_of_one_of_few_kinds(reason, kind):
    """They are the values of a metric's label."""
    assert kind_of(an_error(reason)) == kind
    assert kind in KINDS


def test_a_flood_of_refusals_is_counted_and_told_once_in_a_while(caplog):
    """Anybody can make them, so they must not fill the log."""
    clock, metrics = FakeClock(), FakeMetrics()
    handshakes = Handshakes(metrics, clock.monotonic)
    for _ in range(100):
        handshakes.refused(an_error("HTTP_REQUEST"))
    handshakes.refused(an_error("NO_SHARED_CIPHER"))
    assert metrics.counted("refused_handshakes", reason="plain_http") == 100
    assert [record.getMessage() for record in caplog.records] == [
        "a TLS handshake was refused: plain_http (HTTP_REQUEST)",
        "a TLS handshake was refused: cipher (NO_SHARED_CIPHER)",
    ]
    clock.advance(QUIET_SECONDS)
    handshakes.refused(an_error("HTTP_REQUEST"))
    assert caplog.messages[-1].endswith("; 99 more like it since the last such line")


def test_what_goes_on_or_leaves_is_not_refused():
    metrics = FakeMetrics()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    Handshakes(metrics).watch(context)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_side=True)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    incoming.write_eof()
    with pytest.raises(ssl.SSLError):
        tls.do_handshake()
    assert not any(metrics.counted("refused_handshakes", reason=kind) for kind in KINDS)


def test_the_alert_leaves_before_the_failure_is_raised():
    """Who drives the handshake drops what is still to be sent once it has failed."""
    metrics = FakeMetrics()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.minimum_version = ssl.TLSVersion.TLSv1_3
    Handshakes(metrics).watch(server)
    client = ssl.create_default_context()
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    there = client.wrap_bio(to_client, to_server, server_hostname="a.test")
    here = server.wrap_bio(to_server, to_client, server_side=True)
    here.outgoing = to_client
    for side in (there, here):
        with pytest.raises(ssl.SSLWantReadError):
            side.do_handshake()
    with pytest.raises(ssl.SSLError, match="ALERT"):
        there.do_handshake()
    for _ in range(2):
        with pytest.raises(ssl.SSLError, match="PROTOCOL"):
            here.do_handshake()
    assert metrics.counted("refused_handshakes", reason="version") == 1
