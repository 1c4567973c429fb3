"""Two credentials in header fields are told by names alone."""

import pytest

from caracal_core.domain.header_credentials import are_two

JWT = frozenset({"authorization"})
API_KEY = frozenset({"authorization", "x-api-key"})
SIGNED = frozenset({"x-key-id", "x-signature"})
MTLS = frozenset()


@pytest.mark.parametrize(
    ("shown", "declared"),
    [
        (["authorization", "x-api-key"], [JWT, API_KEY]),
        (["x-api-key", "authorization"], [API_KEY, JWT]),
        (["authorization", "x-key-id"], [MTLS, JWT, SIGNED]),
        (["x-key-id", "x-signature", "x-api-key"], [SIGNED, API_KEY]),
        (["authorization", "authorization"], [JWT]),
        (["x-api-key", "x-api-key"], [API_KEY]),
    ],
)
def test_two(shown, declared):
    assert are_two(shown, declared)


@pytest.mark.parametrize(
    ("shown", "declared"),
    [
        ([], [JWT, API_KEY]),
        (["authorization"], [JWT, API_KEY]),
        (["x-key-id", "x-signature"], [SIGNED, JWT]),
        (["authorization", "x-api-key"], [API_KEY, MTLS]),
        (["x-signature", "x-signature"], [SIGNED, JWT]),
    ],
)
def test_one_at_most_or_one_authenticators_own_business(shown, declared):
    assert not are_two(shown, declared)
