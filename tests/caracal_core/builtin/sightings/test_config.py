"""Sightings are kept for a bounded number of days."""

import pytest
from pydantic import ValidationError

from caracal_core.builtin.sightings.config import SightingRules


def test_three_months_unless_told():
    assert SightingRules().keep_days == 90


@pytest.mark.parametrize("days", [0, -1, 3651, "many"])
def test_other_numbers_are_refused(days):
    with pytest.raises(ValidationError):
        SightingRules(keep_days=days)
