# ruff: noqa: S101 - a contract is a set of tests
"""What every tariff owes: an exact price before the call, or a refusal."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
import pytest

from caracal_core.domain import Money, Quote, Request, Route
from caracal_core.errors import BadRequest
from caracal_core.ports import Tariff
from caracal_core.testing.fakes import a_principal, a_request, a_route


class TariffContract:
    """Give ``tariff`` and ``price``.

    The others have defaults: ``route``, which names the first of the tariff's names;
    ``priced_request``, a plain POST that costs ``price`` on it; and ``unpriceable``, requests
    that make no sense to the tariff (none).
    """

    @pytest.fixture
    def tariff(self) -> Tariff:
        """Give the part under test."""
        raise NotImplementedError("give the fixture 'tariff': the part under test")

    @pytest.fixture
    def price(self) -> Money:
        """Give what the priced request costs at most."""
        raise NotImplementedError("give the fixture 'price': what 'priced_request' costs at most")

    @pytest.fixture
    def route(self, tariff: Tariff) -> Route:
        """Give a route with one of its tariffs."""
        return a_route(tariff=min(tariff.names))

    @pytest.fixture
    def priced_request(self) -> Request:
        """Give a request that it can price on the route."""
        return a_request("POST", body=b"{}")

    @pytest.fixture
    def unpriceable(self) -> Sequence[Request]:
        """Give requests that it cannot price on the route."""
        return ()

    async def test_it_has_the_shape_of_a_tariff(self, tariff: Tariff) -> None:
        """The house can find its verb and its names."""
        assert isinstance(tariff, Tariff)

    async def test_its_names_are_known_at_boot(self, tariff: Tariff) -> None:
        """A route that names another tariff is refused before it serves."""
        assert isinstance(tariff.names, frozenset)
        assert tariff.names
        assert all(type(name) is str and name for name in tariff.names)
        assert tariff.names == tariff.names

    async def test_it_quotes_the_price(
        self, tariff: Tariff, priced_request: Request, route: Route, price: Money
    ) -> None:
        """To the micro-unit, in its currency."""
        assert (await tariff.quote(priced_request, route, a_principal())).amount == price

    async def test_a_quote_is_money(
        self, tariff: Tariff, priced_request: Request, route: Route
    ) -> None:
        """A whole number of micro-units that a ledger can hold."""
        quote = await tariff.quote(priced_request, route, a_principal())
        assert type(quote) is Quote
        assert type(quote.amount) is Money
        assert type(quote.amount.micro) is int

    async def test_every_name_can_be_quoted_by(
        self, tariff: Tariff, priced_request: Request
    ) -> None:
        """It does not promise a tariff that it does not have."""
        for name in tariff.names:
            try:
                quote = await tariff.quote(priced_request, a_route(tariff=name), a_principal())
            except BadRequest:
                continue
            assert type(quote) is Quote

    async def test_the_same_request_gets_the_same_quote(
        self, tariff: Tariff, priced_request: Request, route: Route
    ) -> None:
        """A quote costs nothing and changes nothing."""
        quotes = [await tariff.quote(priced_request, route, a_principal()) for _ in range(3)]
        assert quotes == [quotes[0]] * 3

    async def test_simultaneous_requests_get_their_own_quotes(
        self, tariff: Tariff, priced_request: Request, route: Route, price: Money
    ) -> None:
        """One part serves all requests at once."""
        quoting = (tariff.quote(priced_request, route, a_principal(f"a{n}")) for n in range(20))
        assert [quote.amount for quote in await asyncio.gather(*quoting)] == [price] * 20

    async def test_what_cannot_be_priced_is_refused(
        self, tariff: Tariff, unpriceable: Sequence[Request], route: Route
    ) -> None:
        """Refused, never free."""
        for request in unpriceable:
            with pytest.raises(BadRequest):
                await tariff.quote(request, route, a_principal())

    async def test_a_refusal_does_not_spoil_the_next_quote(
        self,
        tariff: Tariff,
        unpriceable: Sequence[Request],
        priced_request: Request,
        route: Route,
        price: Money,
    ) -> None:
        """Nonsense leaves nothing behind."""
        for request in unpriceable:
            with pytest.raises(BadRequest):
                await tariff.quote(request, route, a_principal())
        assert (await tariff.quote(priced_request, route, a_principal())).amount == price

    @pytest.mark.parametrize("estimate", ["0", "0.000001", "-1", "NaN", "1e-9", "junk"])
    async def test_the_client_cannot_lower_the_quote(
        self,
        tariff: Tariff,
        priced_request: Request,
        route: Route,
        price: Money,
        estimate: str,
    ) -> None:
        """A client's estimate is a hint upwards at most; nonsense may be refused."""
        headers = priced_request.headers.plus(
            ("x-caracal-estimated-cost", estimate),
            ("x-caracal-actual-cost", estimate),
            ("x-caracal-tariff", "free"),
        )
        request = msgspec.structs.replace(priced_request, headers=headers)
        try:
            quote = await tariff.quote(request, route, a_principal())
        except BadRequest:
            return
        assert quote.amount.currency == price.currency
        assert quote.amount.micro >= price.micro

    async def test_it_changes_nothing_about_the_request(
        self, tariff: Tariff, priced_request: Request, route: Route
    ) -> None:
        """The upstream gets what the client sent."""
        before = msgspec.structs.astuple(priced_request)
        await tariff.quote(priced_request, route, a_principal())
        assert msgspec.structs.astuple(priced_request) == before

    async def test_it_leaves_the_body_to_the_upstream(
        self, tariff: Tariff, priced_request: Request, route: Route
    ) -> None:
        """It may peek; the body still streams afterwards."""
        await tariff.quote(priced_request, route, a_principal())
        streamed = b"".join([data async for data in priced_request.body])
        assert len(streamed) == priced_request.body.length

    async def test_it_survives_being_cancelled(
        self, tariff: Tariff, priced_request: Request, route: Route, price: Money
    ) -> None:
        """A client that hangs up does not spoil the next one's quote."""
        asking = asyncio.ensure_future(tariff.quote(priced_request, route, a_principal()))
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert (await tariff.quote(priced_request, route, a_principal())).amount == price
