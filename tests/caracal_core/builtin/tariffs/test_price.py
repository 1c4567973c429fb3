"""A charge is the exact sum of its parts, rounded up to the micro-unit once; models are found."""

from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_core.builtin.tariffs.price import (
    PICO,
    Counted,
    ModelPrice,
    Models,
    Price,
    Tokens,
    UnitPrice,
)

picos = st.integers(0, 10**12)
counts = st.integers(0, 10**5)
models = st.builds(ModelPrice, picos, picos, picos, picos, counts, counts)
NO_MODEL = ModelPrice(0, 0, 0, 0, 0, 0)
A, B, C, D = (msgspec.structs.replace(NO_MODEL, prompt=number) for number in range(1, 5))


@st.composite
def prices(draw):
    unit = UnitPrice(draw(picos), draw(counts), "x-units", ())
    call, of_request, of_reply, second = (draw(picos) for _ in range(4))
    return Price("t", "1", "USD", call, of_request, of_reply, 0, second, 0, unit, Models({}))


tokens = st.builds(Tokens, counts, counts, counts, counts)
counted = st.builds(Counted, counts, counts, counts, counts, tokens)


@given(prices(), models, counted)
def test_it_is_never_below_the_exact_sum_and_less_than_a_micro_unit_above(price, model, used):
    each = [
        (price.per_call, 1),
        (price.per_request_byte, used.request_bytes),
        (price.per_reply_byte, used.reply_bytes),
        (price.per_second, used.seconds),
        (price.unit.each, used.units),
        (model.prompt, used.tokens.prompt),
        (model.cached, used.tokens.cached),
        (model.cache_write, used.tokens.cache_write),
        (model.completion, used.tokens.completion),
    ]
    exact = sum((Fraction(amount * count, PICO) for amount, count in each), Fraction(0))
    assert exact <= price.cost(used, model).micro < exact + 1


@given(prices(), models, counted, counted)
def test_more_of_anything_never_costs_less(price, model, one, other):
    names = ("request_bytes", "reply_bytes", "seconds", "units")
    larger = {name: max(getattr(one, name), getattr(other, name)) for name in names}
    most = msgspec.structs.replace(one, **larger)
    assert price.cost(most, model).micro >= price.cost(one, model).micro


@given(models, counts, counts, st.data())
def test_the_dearest_way_costs_at_least_what_any_other_does(model, prompt, completion, data):
    cached = data.draw(st.integers(0, prompt))
    written = data.draw(st.integers(0, prompt - cached))
    used = Tokens(prompt - cached - written, cached, written, data.draw(st.integers(0, completion)))
    price = Price("t", "1", "USD", 0, 0, 0, 0, 0, 0, None, Models({}))
    dearest = Counted(tokens=model.most(prompt, completion))
    assert price.cost(dearest, model).micro >= price.cost(Counted(tokens=used), model).micro


def test_small_parts_are_added_before_they_are_rounded(bare_price):
    """Three thirds of a micro-unit are one, not three."""
    price = msgspec.structs.replace(
        bare_price, per_request_byte=PICO // 2, per_reply_byte=PICO // 4
    )
    assert price.cost(Counted(request_bytes=1, reply_bytes=2)).micro == 1
    assert price.cost(Counted(request_bytes=1, reply_bytes=3)).micro == 2


def test_more_than_a_ledger_can_hold_is_no_price(bare_price):
    price = msgspec.structs.replace(bare_price, per_second=PICO)
    assert price.cost(Counted(seconds=2**63 - 1)).micro == 2**63 - 1
    with pytest.raises(ValueError, match="amount"):
        price.cost(Counted(seconds=2**63))


def test_an_exact_name_wins_and_then_the_narrowest_glob():
    found = Models({"gpt-*": A, "gpt-4*": B, "gpt-4o": C, "*": D})
    assert found.find("gpt-4o") == ("gpt-4o", C)
    assert found.find("gpt-4o-mini") == ("gpt-4*", B)
    assert found.find("gpt-3") == ("gpt-*", A)
    assert found.find("claude") == ("*", D)


def test_globs_of_one_breadth_are_asked_by_name():
    """The order in the file does not count."""
    for prices_ in ({"*b": A, "a*": B}, {"a*": B, "*b": A}):
        assert Models(prices_).find("ab") == ("*b", A)


@pytest.mark.parametrize("model", ["gpt-4", "", "GPT-4o", "gpt-4o ", "a*", "*"])
def test_a_model_that_nothing_prices_is_not_found(model):
    assert Models({"gpt-4o": A, "a*c": B}).find(model) is None
    assert not Models({})
    assert Models({"gpt-4o": A})


def test_a_price_is_named_by_tariff_model_and_version(bare_price):
    assert bare_price.name() == "t@1"
    assert bare_price.name("gpt-x") == "t/gpt-x@1"


def test_the_body_is_read_where_it_says_the_cost(bare_price):
    def of(**changes):
        return msgspec.structs.replace(bare_price, **changes).reads_the_body

    assert not of(per_second=1)
    assert not of(unit=UnitPrice(1, 1, "x-units", ()))
    assert of(unit=UnitPrice(1, 1, None, ("pages",)))
    assert of(models=Models({"m": A}))
