"""A quote names its price in a form that every store can keep."""

import pytest

from caracal_core.domain import Quote
from caracal_core.testing.fakes import usd


@pytest.mark.parametrize("price", ["", "llm_call/gpt-x@3", "a b", "x" * 128])
def test_a_price_has_a_plain_name(price):
    assert Quote(usd("0.25"), price).price == price


@pytest.mark.parametrize("price", ["x" * 129, "a\nb", "\x00", "\u0665", "\x7f"])
def test_another_name_is_no_name(price):
    with pytest.raises(ValueError, match="128 printable"):
        Quote(usd("0.25"), price)


def test_nothing_else_is_asked_unless_said():
    quote = Quote(usd("0.25"))
    assert (quote.price, quote.body, quote.metered, quote.memo) == ("", None, False, None)


@pytest.mark.parametrize("amount", ["a lot", None, 0.25, 1])
def test_an_amount_is_money(amount):
    with pytest.raises(TypeError, match="Money"):
        Quote(amount)


def test_a_body_is_bytes():
    with pytest.raises(TypeError, match="bytes"):
        Quote(usd("0.25"), body="{}")
