"""The ConfigMap's keys for provisional charges are understood, and their limits kept."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from caracal_core.builtin.ledger.config import ChargeRules, ChargesConfig

ENV = {
    "expiration": "PROVISIONAL_CHARGE_EXPIRATION",
    "max_timeout": "PROVISIONAL_CHARGE_MAX_TIMEOUT",
    "cleanup_interval": "PROVISIONAL_CHARGE_CLEANUP_INTERVAL",
    "cleanup_batch_size": "PROVISIONAL_CHARGE_CLEANUP_BATCH_SIZE",
}
OURS = ("drain_timeout", "drain_max_bytes", "drain_at_once")
SEALS = ("seal_interval", "seal_batch_size", "checkpoint_interval")


def test_the_defaults_are_the_deployments():
    """Seconds, minutes, seconds, holds."""
    rules = ChargesConfig().charges
    assert (rules.expiration, rules.max_timeout) == (300, 60)
    assert (rules.cleanup_interval, rules.cleanup_batch_size) == (60, 1000)
    assert rules.longest_seconds == 3600
    assert [getattr(rules, name) for name in OURS] == [10, 2**20, 128]
    assert [getattr(rules, name) for name in SEALS] == [5, 2000, 3600]


def test_each_key_bears_its_configmap_name():
    extras = {name: field.json_schema_extra for name, field in ChargeRules.model_fields.items()}
    unnamed = dict.fromkeys((*OURS, *SEALS))
    assert extras == {name: {"env": [env]} for name, env in ENV.items()} | unnamed


@pytest.mark.parametrize("key", OURS)
@pytest.mark.parametrize("value", [-1, 10**10, float("nan"), float("inf"), "long"])
def test_replies_are_not_read_on_without_end(key, value):
    """None of them may be switched off as a limit; 0 reads nothing on."""
    with pytest.raises(ValidationError, match=key):
        ChargeRules(**{key: value})
    assert getattr(ChargeRules(**{key: 0}), key) == 0


@pytest.mark.parametrize("key", [*ENV, *SEALS])
@pytest.mark.parametrize("value", [0, -1, 10**9, float("nan"), float("inf"), "soon"])
def test_what_makes_no_sense_is_refused(key, value):
    """A hold without end, or a reaper that never rests."""
    with pytest.raises(ValidationError, match=key):
        ChargeRules(**{key: value})
