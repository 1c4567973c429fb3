"""Price books of the tests: terms as an operator writes them, and what is made of them."""

import pytest

from caracal_core.builtin.tariffs.config import TariffConfig
from caracal_core.builtin.tariffs.price import Models, Price

CHAT = {
    "prompt": "2.5",
    "cached": "1.25",
    "cache_write": "3.75",
    "completion": "10",
    "max_input": 128_000,
    "max_output": 16_384,
}


@pytest.fixture
def make_price():
    """Make a price of the terms given; whatever is not given is not priced."""

    def make(tariff="t", version="1", **terms):
        return TariffConfig.model_validate({"currency": "USD"} | terms).price(tariff, version)

    return make


@pytest.fixture
def chat_terms():
    """Terms that price one model's tokens."""
    return {"currency": "USD", "models": {"gpt-x": CHAT}}


@pytest.fixture
def bare_price():
    """A price of nothing, whose fields a test replaces."""
    return Price(
        tariff="t",
        version="1",
        currency="USD",
        per_call=0,
        per_request_byte=0,
        per_reply_byte=0,
        most_reply_bytes=0,
        per_second=0,
        most_seconds=0,
        unit=None,
        models=Models({}),
    )
