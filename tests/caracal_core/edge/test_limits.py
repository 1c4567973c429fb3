"""The defaults are the ones that operators were told."""

from caracal_core.edge.limits import Limits


def test_the_defaults_are_the_documented_ones():
    limits = Limits()
    assert limits.header_seconds == 10
    assert (limits.pace_bytes, limits.pace_seconds) == (1000, 10)
    assert (limits.header_bytes, limits.header_count) == (16_384, 100)
    assert limits.keep_alive_seconds == 75
    assert limits.max_request_bytes == 10 * 1024 * 1024
