"""A price book says all that a quote needs, or the gateway does not start; versions are stable."""

import pytest
from pydantic import ValidationError

from caracal_core.builtin.tariffs.config import TariffConfig, TariffsConfig, check_names
from caracal_core.builtin.tariffs.price import PICO, ModelPrice, UnitPrice

CHAT = {"prompt": "2.5", "completion": "10", "max_input": 1000, "max_output": 100}
UNIT = {"price": "0.00000002", "pointer": "/usage/pages", "most_units": 9}


def a_config(**terms):
    return TariffConfig.model_validate({"currency": "USD"} | terms)


def test_every_kind_of_price_is_taken_over_exactly():
    price = a_config(
        per_call="0.002",
        per_request_byte="0.00000001",
        per_reply_byte="0.000000000001",
        most_reply_bytes=1000,
        per_second="0.5",
        most_seconds=60,
        per_unit=UNIT,
        models={"gpt-x": CHAT, "o*": CHAT | {"cached": "0", "cache_write": "3.125"}},
    ).price("t", "7")
    assert (price.tariff, price.version, price.currency) == ("t", "7", "USD")
    assert price.per_call == 2_000 * PICO
    assert (price.per_request_byte, price.per_reply_byte) == (10_000, 1)
    assert (price.per_second, price.most_seconds, price.most_reply_bytes) == (5 * 10**11, 60, 1000)
    assert price.unit == UnitPrice(20_000, 9, None, ("usage", "pages"))
    chat = ModelPrice(2_500_000, 2_500_000, 2_500_000, 10_000_000, 1000, 100)
    assert price.models.find("gpt-x") == ("gpt-x", chat)
    name, other = price.models.find("o3")
    assert (name, other.cached, other.cache_write) == ("o*", 0, 3_125_000)


def test_tokens_are_priced_by_the_million():
    """2.50 a million is 2.5 millionths each."""
    assert a_config(models={"m": CHAT}).price("t", "1").models.find("m")[1].prompt == 2.5 * PICO


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({}, "nothing is priced; give at least one of per_call"),
        ({"per_reply_byte": "1"}, "per_reply_byte and most_reply_bytes need each other"),
        ({"per_call": "1", "most_reply_bytes": 1}, "per_reply_byte and most_reply_bytes need"),
        ({"per_second": "1"}, "per_second and most_seconds need each other"),
        ({"per_unit": {"price": "1", "pointer": "/a"}}, "most_units"),
        ({"per_unit": {"price": "1", "most_units": 1}}, "give pointer or header"),
        ({"per_unit": UNIT | {"header": "X-Units"}}, "give pointer or header"),
        ({"per_unit": UNIT | {"pointer": "a"}}, "begins with a slash"),
        ({"per_unit": UNIT | {"pointer": "/~2"}}, "written ~0"),
        ({"per_unit": {"price": "1", "most_units": 1, "header": "a b"}}, "per_unit.header"),
        ({"models": {"m": {"prompt": "1"}}}, "max_input is needed"),
        ({"models": {"m": {"cached": "1"}}}, "max_input is needed"),
        ({"models": {"m": {"cache_write": "1"}}}, "max_input is needed"),
        ({"models": {"m": {"completion": "1"}}}, "max_output is needed"),
        ({"models": {"a b": CHAT}}, "models"),
        ({"models": {"": CHAT}}, "models"),
        ({"models": {"é": CHAT}}, "models"),
        ({"models": {"m": CHAT | {"max_input": 2**63}}}, "max_input"),
        ({"models": {"m": CHAT | {"max_input": -1}}}, "max_input"),
        ({"per_second": "1", "most_seconds": "NaN"}, "most_seconds"),
        ({"per_second": "1", "most_seconds": 1.5}, "most_seconds"),
        ({"per_call": "1", "currency": "usd"}, "currency"),
        ({"per_call": "1", "per_token": "1"}, "per_token"),
    ],
)
def test_a_book_that_could_not_be_quoted_by_is_refused(terms, said):
    with pytest.raises(ValidationError, match=said):
        a_config(**terms)


@pytest.mark.parametrize("odd", [True, False, 1.0, 10.0, "1", "0.1e1", "1_0", " 1", "NaN", None])
@pytest.mark.parametrize(
    ("key", "terms"),
    [
        ("most_reply_bytes", lambda odd: {"per_reply_byte": "1", "most_reply_bytes": odd}),
        ("most_seconds", lambda odd: {"per_second": "1", "most_seconds": odd}),
        ("most_units", lambda odd: {"per_unit": UNIT | {"most_units": odd}}),
        ("max_input", lambda odd: {"models": {"m": CHAT | {"max_input": odd}}}),
        ("max_output", lambda odd: {"models": {"m": CHAT | {"max_output": odd}}}),
    ],
)
def test_a_number_that_bounds_money_is_a_whole_number_as_written(key, terms, odd):
    """What pydantic would make of anything else is not what somebody wrote down."""
    with pytest.raises(ValidationError, match=key):
        a_config(**terms(odd))
    a_config(**terms(1))


def test_what_is_free_needs_no_bound():
    free = a_config(models={"m": {}}).price("t", "1").models.find("m")[1]
    assert free == ModelPrice(0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("pointer", "tokens"),
    [("", ()), ("/", ("",)), ("/a~1b/~01/0", ("a/b", "~1", "0")), ("/a/", ("a", ""))],
)
def test_a_pointer_is_read_by_rfc_6901(pointer, tokens):
    price = a_config(per_unit=UNIT | {"pointer": pointer}).price("t", "1")
    assert price.unit.pointer == tokens


def test_a_header_is_looked_for_in_lower_case():
    unit = {"price": "1", "header": "X-Units", "most_units": 2}
    assert a_config(per_unit=unit).price("t", "1").unit == UnitPrice(10**12, 2, "x-units", ())


def test_names_that_an_entry_could_not_hold_are_refused():
    """Tariff, model and version together are at most 128 characters."""
    TariffsConfig(tariffs={"t" * 64: a_config(models={"m" * 40: CHAT})})
    with pytest.raises(ValidationError, match="more than 104 characters together"):
        TariffsConfig(tariffs={"t" * 64: a_config(models={"m" * 41: CHAT})})
    with pytest.raises(ValueError, match="shorten one"):
        check_names("t" * 64, a_config(models={"m" * 41: CHAT}))
    longest = a_config(per_call="1").price("t" * 64, a_config(per_call="1").version("t" * 64))
    assert len(longest.name("m" * 40)) <= 128


def test_the_same_terms_are_the_same_version_however_they_were_written():
    one = a_config(per_call="1", models={"a": CHAT, "b": CHAT})
    other = a_config(models={"b": CHAT, "a": CHAT | {"cached": None}}, per_call="1")
    assert one.version("t") == other.version("t")
    assert one.version("t").startswith("yaml-")
    assert len(one.version("t")) == len("yaml-") + 16


def test_other_terms_or_another_tariff_are_another_version():
    one = a_config(per_call="1")
    assert one.version("t") != a_config(per_call="2").version("t")
    assert one.version("t") != a_config(per_call="1", currency="EUR").version("t")
    assert one.version("t") != one.version("u")


def test_the_terms_say_all_of_a_price():
    """An entry is worked out again from them."""
    one = a_config(per_unit=UNIT, models={"m*": CHAT}, per_second="0.1", most_seconds=2)
    again = TariffConfig.model_validate_json(one.terms)
    assert again == one
    assert again.version("t") == one.version("t")
