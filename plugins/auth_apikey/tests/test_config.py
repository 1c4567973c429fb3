"""The section's limits: a revoked key is refused within 5 seconds, whatever is configured."""

import pytest
from pydantic import ValidationError

from caracal_auth_apikey.config import ApiKeyConfig


def test_it_holds_without_a_key():
    config = ApiKeyConfig()
    assert (config.fresh_seconds, config.remembered_keys, config.last_used) == (2, 10_000, "hour")


@pytest.mark.parametrize(
    "section",
    [{"fresh_seconds": 4.5}, {"fresh_seconds": -1}, {"remembered_keys": 1}, {"last_used": "never"}],
)
def test_what_would_break_a_promise_is_refused(section):
    with pytest.raises(ValidationError):
        ApiKeyConfig(**section)
