"""A nonce lives at least as long as its timestamp could be believed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from caracal_core.builtin.replay.config import ReplayConfig, ReplayRules


def test_the_defaults_are_the_deployments():
    rules = ReplayConfig().replay
    assert rules.enabled
    assert rules.store == "database"
    assert (rules.nonce_cache_ttl, rules.nonce_cache_size, rules.timestamp_window) == (
        300,
        100_000,
        300,
    )


def test_every_key_of_the_config_map_is_declared():
    extras = [field.json_schema_extra for field in ReplayRules.model_fields.values()]
    assert {name for extra in extras if extra for name in extra["env"]} == {
        "ENABLE_REPLAY_PROTECTION",
        "NONCE_CACHE_TTL",
        "NONCE_CACHE_SIZE",
        "TIMESTAMP_WINDOW",
    }


@given(st.floats(1, 86_400), st.floats(1, 86_400), st.floats(0, 3_600))
def test_no_timestamp_outlives_its_nonce(ttl, window, skew):
    rules = ReplayRules(nonce_cache_ttl=ttl, timestamp_window=window, future_skew=skew)
    assert rules.nonce_seconds >= ttl
    assert rules.nonce_seconds >= window + skew


@pytest.mark.parametrize(
    "bad",
    [
        {"nonce_cache_ttl": 0},
        {"nonce_cache_ttl": float("nan")},
        {"nonce_cache_size": 0},
        {"timestamp_window": float("inf")},
        {"timestamp_window": -1},
        {"future_skew": -1},
        {"store": "redis"},
        {"windw": 1},
    ],
)
def test_what_would_open_a_gap_is_refused(bad):
    with pytest.raises(ValidationError):
        ReplayRules(**bad)
