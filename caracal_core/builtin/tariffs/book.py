"""The prices in force: those of the configuration, or those that the database has in their place.

The one rule: the configuration says which tariffs there are. Where `caracal prices set` gave one a
version in the database, the newest of these is in force, whole; where there is none, or the newest
says "as configured", the configuration's is. Its currency is the configuration's, for budgets and
holds are in that. A request never waits for the database.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from caracal_core.builtin.tariffs.config import TariffConfig, check_names
from caracal_core.builtin.tariffs.price import Price
from caracal_core.errors import Failure, Misconfigured
from caracal_core.ports import Database
from caracal_core.storage.prices import PriceVersion, newest, record

PART = "tariffs"


class PriceBook:
    """The prices in force, by tariff.

    Args:
        configured: the configuration's terms, by tariff.
        log: is told of each change and of each fault once.
    """

    def __init__(self, configured: Mapping[str, TariffConfig], log: logging.Logger) -> None:
        self._terms = {name: (each.version(name), each.terms) for name, each in configured.items()}
        self._configured = {
            name: each.price(name, self._terms[name][0]) for name, each in configured.items()
        }
        self._log = log
        self._in_force: Mapping[str, Price | None] = {}
        self._seen: Mapping[str, PriceVersion] = {}
        self._misfits: dict[str, Misconfigured] = {}
        self._is_recorded = False

    def price(self, tariff: str) -> Price:
        """Return what is in force.

        Raises:
            Failure: that was not read yet, or cannot be used.
        """
        price = self._in_force.get(tariff)
        if price is None:
            raise Failure(PART, f"the price of {tariff} in the database is not known")
        return price

    def check(self) -> None:
        """Look whether what was read fits the configuration.

        Raises:
            Misconfigured: a price in the database is in another currency.
        """
        for misfit in self._misfits.values():
            raise misfit

    async def refresh(self, database: Database) -> None:
        """Write the configuration's versions down, if they are not, and take up the database's.

        Raises:
            Failure: the database cannot be asked. What was in force stays.
        """
        if not self._configured:
            return
        if not self._is_recorded:
            for tariff, (version, terms) in self._terms.items():
                await record(database, tariff, version, terms)
            self._is_recorded = True
        seen = {each.tariff: each for each in await newest(database)}
        if self._in_force and seen == self._seen:
            return
        self._misfits.clear()
        self._in_force = {name: self._chosen(name, seen.get(name)) for name in self._configured}
        self._seen = seen

    def _chosen(self, tariff: str, version: PriceVersion | None) -> Price | None:
        """Return the price that this version makes; None where it cannot be used."""
        price: Price | None = self._configured[tariff]
        if version is not None and version.terms is not None:
            before = self._in_force.get(tariff)
            if before is not None and before.version == version.version:
                return before
            try:
                config = TariffConfig.model_validate_json(version.terms)
                check_names(tariff, config)
                self._check_currency(tariff, version.version, config.currency)
                price = config.price(tariff, version.version)
            except (ValueError, Misconfigured):
                self._log.error(
                    "the price %s@%s cannot be used: what was in force stays",
                    tariff,
                    version.version,
                )
                return before
        if price is not None and self._in_force:
            self._log.info("the price %s is in force", price.name())
        return price

    def _check_currency(self, tariff: str, version: str, currency: str) -> None:
        configured = self._configured[tariff].currency
        if currency == configured:
            return
        self._misfits[tariff] = Misconfigured(
            f"tariffs.{tariff}.currency",
            f"is {configured}, while the price {tariff}@{version}, which the database has in "
            f"place of the configuration's, is in {currency}",
            f"Leave it {currency}, or run `caracal prices set {tariff} --as-configured` first.",
        )
        self._log.error("%s", self._misfits[tariff])
        raise self._misfits[tariff]
