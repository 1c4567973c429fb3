"""An estimate raises what is held up to the route's max_hold, and never lowers it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_core.domain import Money, Quote
from caracal_core.errors import BadRequest
from caracal_core.stages.estimate import to_hold
from caracal_core.testing.fakes import a_request, a_route, usd

QUOTE = Quote(usd("0.25"), price="p@1", metered=True)
JUNK = ["NaN", "-1", "1e9", "1e999", "0.1e1", "", "0.1234567", "9" * 30, str(2**63), "\u0665", "+1"]
AMOUNTS = st.integers(0, 2**63 - 1)


def hold(*estimates, max_hold=None):
    """Return what is held for a request with these estimates."""
    request = a_request(headers=[("X-Caracal-Estimated-Cost", each) for each in estimates])
    return to_hold(QUOTE, request, a_route(tariff="t", max_hold=max_hold))


@pytest.mark.parametrize("estimate", JUNK)
def test_what_is_no_amount_is_400(estimate):
    with pytest.raises(BadRequest, match="X-Caracal-Estimated-Cost"):
        hold(estimate, max_hold=10**6)


def test_two_are_400():
    with pytest.raises(BadRequest, match="one field"):
        hold("0.3", "0.3", max_hold=10**6)


def test_without_one_the_quote_stands():
    assert hold(max_hold=10**6) == QUOTE.amount


def test_a_route_without_a_max_hold_heeds_none():
    assert hold("9") == QUOTE.amount


@pytest.mark.parametrize(
    ("estimate", "max_hold", "held"),
    [
        ("0.3", 10**6, "0.3"),
        ("1", 10**6, "1"),
        ("1.000001", 10**6, "1"),
        ("9223372036854.775807", 10**6, "1"),
        ("0.1", 10**6, "0.25"),
        ("0", 10**6, "0.25"),
        ("9", 200_000, "0.25"),
        ("9", 0, "0.25"),
    ],
)
def test_it_is_raised_within_bounds(estimate, max_hold, held):
    assert hold(estimate, max_hold=max_hold) == usd(held)


@given(quoted=AMOUNTS, estimate=AMOUNTS, max_hold=st.none() | AMOUNTS)
def test_it_is_the_larger_of_the_quote_and_what_is_allowed(quoted, estimate, max_hold):
    request = a_request(headers={"X-Caracal-Estimated-Cost": Money(estimate, "USD").decimal})
    route = a_route(tariff="t", max_hold=max_hold)
    held = to_hold(Quote(Money(quoted, "USD")), request, route)
    assert held.micro == max(quoted, min(estimate, max_hold or 0))
