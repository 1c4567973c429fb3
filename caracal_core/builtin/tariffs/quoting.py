"""Quotes the most that a request may cost, by the prices in force."""

from __future__ import annotations

from collections.abc import Iterable

from caracal_core.builtin.tariffs.asked import Asked, read_asked
from caracal_core.builtin.tariffs.book import PriceBook
from caracal_core.builtin.tariffs.price import Counted, ModelPrice, Price, Tokens
from caracal_core.builtin.tariffs.priced import Priced
from caracal_core.domain import Principal, Quote, Request, Route
from caracal_core.errors import BadRequest

LONGEST_BODY = 10 * 2**20
"""The longest body that is read for its price; the route's own cap may be lower."""

_JSON = frozenset({"application/json", "application/json;charset=utf-8"})


class BookTariff:
    """Implements `Tariff` on a price book.

    Args:
        book: the prices in force.
        names: the tariffs that routes may name.
    """

    def __init__(self, book: PriceBook, names: Iterable[str]) -> None:
        self._book = book
        self.names = frozenset(names)

    async def quote(self, request: Request, route: Route, principal: Principal) -> Quote:
        """Return the most that the request may cost.

        Raises:
            BadRequest: it cannot be priced.
            Failure: the prices in force are not known yet.
        """
        tariff = route.terms.tariff or ""
        if tariff not in self.names:
            raise BadRequest("The request cannot be priced: its route has no tariff.")
        price = self._book.price(tariff)
        if not price.models:
            return _quote(request, route, price)
        asked = await _read(request, route)
        if (found := price.models.find(asked.model)) is None:
            raise BadRequest("The request cannot be priced: its model has no price here.")
        return _quote(request, route, price, asked, *found)


def _quote(
    request: Request,
    route: Route,
    price: Price,
    asked: Asked | None = None,
    name: str | None = None,
    model: ModelPrice | None = None,
) -> Quote:
    counted = Counted(
        request_bytes=_length(request, route, is_read=asked is not None),
        reply_bytes=price.most_reply_bytes,
        seconds=price.most_seconds,
        units=0 if price.unit is None else price.unit.most,
        tokens=Tokens() if asked is None or model is None else asked.most(model),
    )
    try:
        most = price.cost(counted, model)
    except ValueError:
        raise BadRequest("The request cannot be priced: it may cost more than exists.") from None
    body = None if asked is None else asked.body
    return Quote(
        most,
        price.name(name),
        body=body,
        metered=_is_metered(price, request),
        memo=Priced(price, model, request.body, request.began_at, keeps_usage=body is not None),
    )


def _length(request: Request, route: Route, *, is_read: bool) -> int:
    """Return the most bytes that the request's body has."""
    if request.body.length is not None:
        return request.body.length
    return request.body.count if is_read else route.terms.max_request_bytes


def _is_metered(price: Price, request: Request) -> bool:
    """Return whether the call may turn out to cost less than its quote."""
    return bool(
        price.models
        or price.unit is not None
        or price.per_reply_byte
        or price.per_second
        or (price.per_request_byte and request.body.length is None)
    )


async def _read(request: Request, route: Route) -> Asked:
    """Read what the request asks of a model.

    Raises:
        BadRequest: it is not JSON as every upstream reads it.
    """
    types = request.headers.all("content-type")
    if len(types) != 1 or types[0].lower().replace(" ", "").replace('"', "") not in _JSON:
        raise BadRequest(
            "The request cannot be priced: its Content-Type has to be application/json, in UTF-8."
        )
    if any(value.lower() != "identity" for value in request.headers.all("content-encoding")):
        raise BadRequest("The request cannot be priced: its body is compressed.")
    data = await request.body.peek(min(LONGEST_BODY, route.terms.max_request_bytes))
    path = route.target.partition("?")[0]
    try:
        return read_asked(data, path=path, streams_say_usage=path.endswith("/completions"))
    except ValueError as error:
        raise BadRequest(f"The request cannot be priced: {error}.") from None
