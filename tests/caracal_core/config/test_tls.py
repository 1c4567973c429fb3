"""The keys of ``tls:`` mean what an operator meant."""

import pytest

from caracal_core.config.tls import TlsConfig


@pytest.mark.parametrize(
    ("word", "mode"), [("ON", "on"), ("off", "off"), (True, "on"), (False, "off")]
)
def test_yaml_reads_on_and_off_as_booleans_and_that_is_understood(word, mode):
    assert TlsConfig(mode=word).mode == mode
