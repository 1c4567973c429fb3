"""The client's own estimate may raise what is held, within what the route allows."""

from __future__ import annotations

from caracal_core.domain import Money, Quote, Request, Route
from caracal_core.errors import BadRequest

FIELD = "x-caracal-estimated-cost"


def to_hold(quote: Quote, request: Request, route: Route) -> Money:
    """Return what is held: the quote, raised to the estimate but not above ``max_hold``.

    It is never lowered: a quote above ``max_hold`` stands. What the call costs is not raised: an
    estimate says nothing of a price.

    Raises:
        BadRequest: the estimate is no amount, or there are two.
    """
    values = request.headers.all(FIELD)
    if not values:
        return quote.amount
    if len(values) > 1:
        raise BadRequest("X-Caracal-Estimated-Cost is one field.")
    try:
        estimate = Money.parse(values[0], quote.amount.currency)
    except ValueError as error:
        raise BadRequest(f"X-Caracal-Estimated-Cost: {error}.") from None
    wanted = min(estimate.micro, route.terms.max_hold or 0)
    return Money(max(wanted, quote.amount.micro), quote.amount.currency)
