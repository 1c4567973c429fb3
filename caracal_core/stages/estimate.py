"""The client's own estimate may raise what is held, within what the route allows."""

from __future__ import annotations

import msgspec

from caracal_core.domain import Money, Quote, Request, Route
from caracal_core.errors import BadRequest

FIELD = "x-caracal-estimated-cost"


def raised(quote: Quote, request: Request, route: Route) -> Quote:
    """Return the quote, its amount raised to the estimate but not above the route's ``max_hold``.

    It is never lowered: a quote above ``max_hold`` stands.

    Raises:
        BadRequest: the estimate is no amount, or there are two.
    """
    values = request.headers.all(FIELD)
    if not values:
        return quote
    if len(values) > 1:
        raise BadRequest("X-Caracal-Estimated-Cost is one field.")
    try:
        estimate = Money.parse(values[0], quote.amount.currency)
    except ValueError as error:
        raise BadRequest(f"X-Caracal-Estimated-Cost: {error}.") from None
    wanted = min(estimate.micro, route.terms.max_hold or 0)
    if wanted <= quote.amount.micro:
        return quote
    return msgspec.structs.replace(quote, amount=Money(wanted, quote.amount.currency))
