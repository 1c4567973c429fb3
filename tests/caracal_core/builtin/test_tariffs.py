"""Proved here: a price is exactly what was written, or the gateway does not start."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from caracal_core.builtin.tariffs import FlatTariff, TariffsConfig, TariffsPlugin
from caracal_core.errors import BadRequest
from caracal_core.testing.contracts import PluginContract, TariffContract
from caracal_core.testing.fakes import a_principal, a_request, a_route, a_services, usd


def a_tariff(per_call: object, currency: object = "USD") -> FlatTariff:
    section = {"tariffs": {"llm_call": {"currency": currency, "per_call": per_call}}}
    return TariffsPlugin(TariffsConfig.model_validate(section)).tariff(a_services())


class TestContract(TariffContract):
    """It owes what every tariff owes."""

    @pytest.fixture
    def tariff(self):
        return a_tariff("0.002")

    @pytest.fixture
    def price(self):
        return usd("0.002")


@pytest.mark.parametrize(
    ("written", "micro"), [("0.002", 2_000), ("0.000001", 1), ("3", 3_000_000), ("0", 0)]
)
async def test_a_price_is_exact(written, micro):
    """To the sixth place, without a float in between."""
    quote = await a_tariff(written).quote(a_request(), a_route(tariff="llm_call"), a_principal())
    assert quote.amount.micro == micro


@pytest.mark.parametrize("written", [0.002, 1, True, None, ["1"]])
def test_an_unquoted_amount_is_refused_with_the_mend(written):
    """YAML makes floats of unquoted decimals, and floats are not money."""
    with pytest.raises(ValidationError, match="write it in quotes"):
        a_tariff(written)


@pytest.mark.parametrize(
    "written", ["NaN", "-1", "+1", "1e3", "1e999", "inf", "0.0000001", ".5", "1.", "01", "1,5", ""]
)
def test_what_is_no_plain_decimal_is_refused(written):
    """Case 36, at boot."""
    with pytest.raises(ValidationError, match="plain decimal"):
        a_tariff(written)


def test_an_amount_beyond_the_ledger_is_refused():
    """2**63 micro-units fit no ledger."""
    a_tariff("9223372036854.775807")
    with pytest.raises(ValidationError, match="per_call"):
        a_tariff("9223372036854.775808")


@pytest.mark.parametrize("currency", ["usd", "US", "DOLLAR", "U5D", ""])
def test_what_is_no_currency_is_refused(currency):
    """Three capital letters, as in ISO 4217."""
    with pytest.raises(ValidationError, match="currency"):
        a_tariff("1", currency)


@pytest.mark.parametrize("name", ["other", None])
async def test_a_route_that_it_has_no_price_for_is_refused(name):
    """Never free by mistake."""
    with pytest.raises(BadRequest):
        await a_tariff("1").quote(a_request(), a_route(tariff=name), a_principal())


def test_no_prices_are_a_tariff_too():
    """Free routes need one to exist."""
    assert TariffsPlugin(TariffsConfig()).tariff(a_services()).names == frozenset()


class TestPlugin(PluginContract):
    """It owes what every plugin owes."""

    @pytest.fixture
    def plugin_class(self):
        return TariffsPlugin

    @pytest.fixture
    def config(self):
        return {"tariffs": {"llm_call": {"currency": "USD", "per_call": "0.002"}}}

    @pytest.fixture
    def bad_configs(self):
        return [{"tariffs": {"llm_call": {"currency": "USD", "per_call": 0.002}}}]
