"""The tariff's contract: an honest one passes it, and each way to sell too cheap is caught."""

import asyncio

import pytest

from caracal_core.domain import Money, Quote
from caracal_core.errors import BadRequest
from caracal_core.testing.contracts import TariffContract
from caracal_core.testing.fakes import TrivialTariff, a_request, a_route, usd


class TestTrivialTariff(TariffContract):
    """The kit's own tariff keeps the contract."""

    @pytest.fixture
    def tariff(self):
        return TrivialTariff()

    @pytest.fixture
    def price(self):
        return usd("0.25")


class _Honest:
    """Takes 0.01 a byte, and refuses bodies that do not begin with a brace."""

    names = frozenset({"by-byte"})

    async def quote(self, request, route, principal):
        body = await request.body.peek(1000)
        if not body.startswith(b"{"):
            raise BadRequest
        return Quote(Money(len(body) * 10_000, "USD"))


class TestHonestTariff(TariffContract):
    """The contract can be kept by a tariff that reads the body."""

    @pytest.fixture
    def tariff(self):
        return _Honest()

    @pytest.fixture
    def price(self):
        return usd("0.02")

    @pytest.fixture
    def unpriceable(self):
        return [a_request("POST", body=b"junk"), a_request()]


class _Free(_Honest):
    async def quote(self, request, route, principal):
        try:
            return await super().quote(request, route, principal)
        except BadRequest:
            return Quote(usd("0"))


class _Obliging(_Honest):
    """Takes the client's word for the price."""

    async def quote(self, request, route, principal):
        estimate = request.headers.get("x-caracal-estimated-cost")
        if estimate:
            try:
                return Quote(usd(estimate))
            except ValueError:
                raise BadRequest from None
        return await super().quote(request, route, principal)


class _Falling(_Honest):
    """Gets cheaper with each quote."""

    asked = 0

    async def quote(self, request, route, principal):
        self.asked += 1
        quote = await super().quote(request, route, principal)
        return Quote(Money(quote.amount.micro // self.asked, "USD"))


class _Floating(_Honest):
    async def quote(self, request, route, principal):
        return (await super().quote(request, route, principal)).amount.micro / 1e6


class _Shared(_Honest):
    async def quote(self, request, route, principal):
        self.principal = principal
        await asyncio.sleep(0)
        quote = await super().quote(request, route, principal)
        return quote if self.principal is principal else Quote(usd("0"))


class _Hungry(_Honest):
    async def quote(self, request, route, principal):
        async for _ in request.body:
            pass
        return Quote(usd("0.02"))


class _Confused(_Honest):
    """Cannot do without the answer to a refused request."""

    refused = False

    async def quote(self, request, route, principal):
        if self.refused:
            raise BadRequest
        try:
            return await super().quote(request, route, principal)
        except BadRequest:
            self.refused = True
            raise


class _Unnamed(_Honest):
    names = ("by-byte",)


class _Boasting(_Honest):
    names = frozenset({"by-byte", "by-magic"})

    async def quote(self, request, route, principal):
        if route.terms.tariff == "by-magic":
            raise KeyError(route.terms.tariff)
        return await super().quote(request, route, principal)


class _Delicate(_Honest):
    hurt = False

    async def quote(self, request, route, principal):
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.hurt = True
            raise
        return Quote(usd("0")) if self.hurt else await super().quote(request, route, principal)


@pytest.mark.parametrize(
    ("tariff", "test"),
    [
        (_Unnamed, "test_its_names_are_known_at_boot"),
        (_Floating, "test_it_quotes_the_price"),
        (_Floating, "test_a_quote_is_money"),
        (_Boasting, "test_every_name_can_be_quoted_by"),
        (_Falling, "test_the_same_request_gets_the_same_quote"),
        (_Shared, "test_simultaneous_requests_get_their_own_quotes"),
        (_Free, "test_what_cannot_be_priced_is_refused"),
        (_Confused, "test_a_refusal_does_not_spoil_the_next_quote"),
        (_Obliging, "test_the_client_cannot_lower_the_quote"),
        (_Hungry, "test_it_leaves_the_body_to_the_upstream"),
        (_Delicate, "test_it_survives_being_cancelled"),
    ],
)
async def test_a_faulty_tariff_is_caught(fails, tariff, test):
    def make():
        return {
            "tariff": tariff(),
            "price": usd("0.02"),
            "route": a_route(tariff="by-byte"),
            "priced_request": a_request("POST", body=b"{}"),
            "unpriceable": [a_request("POST", body=b"junk")],
        }

    assert await fails(TariffContract, test, make)
