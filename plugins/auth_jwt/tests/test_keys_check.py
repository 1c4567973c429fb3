"""A replica takes requests once it had every issuer's keys, and as long as it has any."""

import pytest

from caracal_auth_jwt.key_set import KeySet
from caracal_auth_jwt.keys_check import KeysCheck
from caracal_core.errors import Failure
from caracal_core.ports import HealthCheck


class Source:
    """Has keys, had them once, or never did."""

    def __init__(self, state):
        self.was_ready = state != "never"
        self._has = state == "has"

    def current(self):
        if not self._has:
            raise Failure("auth_jwt authenticator", "there are no keys")
        return KeySet(())


@pytest.mark.parametrize(
    ("states", "well"),
    [
        (["has"], True),
        (["never"], False),
        (["had"], False),
        (["has", "has"], True),
        (["has", "never"], False),
        (["never", "has"], False),
        (["has", "had"], True),
        (["had", "had"], False),
        (["had", "never", "has"], False),
    ],
)
async def test_it_is_well_or_says_why_not(states, well):
    check = KeysCheck([Source(state) for state in states])
    assert isinstance(check, HealthCheck)
    assert check.name == "jwt_keys"
    assert await check.check() == (None if well else "there are no keys")
