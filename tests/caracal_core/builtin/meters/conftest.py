"""Quotes of the price book, for replies that a test makes up."""

import msgspec
import pytest

from caracal_core.builtin.tariffs.config import TariffConfig
from caracal_core.builtin.tariffs.priced import Priced
from caracal_core.domain import Quote
from caracal_core.testing.fakes import FakeBody, usd

CHAT = {
    "prompt": "2.5",
    "cached": "1.25",
    "cache_write": "3.75",
    "completion": "10",
    "max_input": 128_000,
    "max_output": 16_384,
}


@pytest.fixture
def quote_of():
    """Make what was quoted by the terms given, for a request of 10 bytes at the clock's start."""

    def make(*, keeps_usage=False, body=None, **terms):
        price = TariffConfig.model_validate({"currency": "USD"} | terms).price("t", "1")
        found = price.models.find("gpt-x")
        body = body or FakeBody([b"x" * 10])
        body.count = 10
        memo = Priced(price, found and found[1], body, 0.0, keeps_usage)
        return Quote(usd("9"), price.name(), metered=True, memo=memo)

    return make


@pytest.fixture
def chat_quote(quote_of):
    """What was quoted for a request to a language model."""
    return quote_of(models={"gpt-x": CHAT})


@pytest.fixture
def asked_quote(chat_quote):
    """The same, where the stream says its usage at our wish."""
    memo = msgspec.structs.replace(chat_quote.memo, keeps_usage=True)
    return msgspec.structs.replace(chat_quote, memo=memo)
