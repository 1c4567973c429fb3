"""A selection names an account that there is; what it selects is proved with what reads it."""

import pytest

from caracal_core.builtin.ledger.selection import ALL, Selection
from caracal_core.storage import accounts
from caracal_core.storage.accounts import AccountError


async def test_accounts_have_to_be_registered(database):
    """Of one that is not, nothing is said, instead of that it spent nothing."""
    await ALL.check(database)
    await Selection(route="none", charge="none").check(database)
    for selection in (Selection(under="team"), Selection(agent="team")):
        with pytest.raises(AccountError, match="'team' is not registered"):
            await selection.check(database)
    await accounts.register(database, "team", kind="group")
    await Selection(under="team", agent="team").check(database)


def test_its_places_are_those_of_its_conditions():
    selection = Selection("a", "u", "r", 1.0, 2.0, "c")
    assert selection.places() == ("a", "u", "r", 1.0, 2.0)
