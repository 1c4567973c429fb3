"""Flat prices from the configuration: one amount per call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from caracal_core.domain import Money, Principal, Quote, Request, Route
from caracal_core.errors import BadRequest
from caracal_core.plugin import Config, Plugin, Services, hookimpl, setting
from caracal_core.ports import Tariff


def _written_as_string(value: object) -> object:
    """Refuse YAML's numbers: a float is not what was written down."""
    if not isinstance(value, str):
        raise ValueError(  # noqa: TRY004 - pydantic reports ValueErrors only
            'an amount is a string, so that it stays exact; write it in quotes, such as "0.002"'
        )
    return value


def _parsable(text: str) -> str:
    Money.parse(text, "XXX")
    return text


Amount = Annotated[str, BeforeValidator(_written_as_string), AfterValidator(_parsable)]
TariffName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class TariffConfig(Config):
    """A price per call."""

    currency: str = setting(
        description="Three capital letters, as in ISO 4217.", pattern=r"^[A-Z]{3}$"
    )
    per_call: Amount = setting(
        description='What a call may cost: a decimal string of at most 6 places, such as "0.002".'
    )

    @property
    def price(self) -> Money:
        """The price of one call."""
        return Money.parse(self.per_call, self.currency)


class TariffsConfig(Config):
    """The root key of the flat tariffs."""

    tariffs: Annotated[Mapping[TariffName, TariffConfig], Field(max_length=1000)] = setting(
        {}, description="Prices, by the names that routes use."
    )


class FlatTariff:
    """Quotes the same amount for every call of a tariff."""

    def __init__(self, prices: Mapping[str, Money]) -> None:
        self._prices = dict(prices)
        self.names = frozenset(prices)

    async def quote(self, request: Request, route: Route, principal: Principal) -> Quote:
        """Return the route's price.

        Raises:
            BadRequest: the route has no tariff of these, so the request cannot be priced.
        """
        price = self._prices.get(route.terms.tariff or "")
        if price is None:
            raise BadRequest("The request cannot be priced.")
        return Quote(price)


class TariffsPlugin(Plugin[TariffsConfig]):
    """Flat prices from the configuration."""

    Config = TariffsConfig
    at_root = True
    name = "tariffs"

    @hookimpl
    def tariff(self, services: Services) -> Tariff | None:
        return FlatTariff({name: each.price for name, each in self.config.tariffs.items()})
