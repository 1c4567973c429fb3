"""All faults are told at once, each with its mend; an unknown key with the nearest known one."""

from __future__ import annotations

import pytest

from caracal_core.config.problems import Problems, SeveralMisconfigured, unknown
from caracal_core.errors import Misconfigured

ONE, TWO, THREE = (Misconfigured(f"key {n}", "is wrong", "Correct it.") for n in range(3))


def test_nothing_found_refuses_nothing():
    Problems().refuse()


def test_one_problem_is_raised_as_it_is():
    with pytest.raises(Misconfigured) as caught:
        Problems([ONE]).refuse()
    assert caught.value is ONE


def test_several_are_raised_together_one_a_line():
    problems = Problems([ONE])
    with problems.collected():
        raise TWO
    with problems.collected():
        raise SeveralMisconfigured([THREE])
    with pytest.raises(SeveralMisconfigured) as caught:
        problems.refuse()
    assert caught.value.problems == (ONE, TWO, THREE)
    assert str(caught.value).splitlines() == [str(ONE), str(TWO), str(THREE)]


def test_what_is_no_misconfiguration_passes():
    with pytest.raises(KeyError), Problems().collected():
        raise KeyError


def test_an_unknown_key_names_the_nearest_or_all():
    assert unknown("file line 3", "databse", ["database", "tls"]).mend == "Did you mean database?"
    assert unknown("file line 3", "xyz", ["tls", "database"]).mend.endswith("database, tls.")
    assert unknown("file line 3", "xyz", []).mend == "Remove it."
