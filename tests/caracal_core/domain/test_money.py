"""Money is exact, never negative, and refuses everything that is not plainly an amount."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_core.domain import Money
from caracal_core.domain.money import LARGEST, LONGEST, MICRO, decimal

AMOUNTS = st.integers(0, LARGEST)


@given(AMOUNTS)
def test_an_amount_reads_back_as_written(micro):
    assert Money.parse(Money(micro, "USD").decimal, "USD") == Money(micro, "USD")


@given(AMOUNTS)
def test_a_decimal_is_exactly_the_amount(micro):
    """Checked with fractions, which share no code with it."""
    assert Fraction(Money(micro, "USD").decimal) == Fraction(micro, MICRO)


@given(AMOUNTS)
def test_a_decimal_is_plain_and_short(micro):
    decimal = Money(micro, "USD").decimal
    assert "." not in decimal or not decimal.endswith(("0", "."))
    assert "e" not in decimal.lower()


@given(st.decimals(0, 10**12, places=6))
def test_every_plain_decimal_is_read_exactly(decimal):
    text = f"{decimal:f}"
    assert Fraction(Money.parse(text, "USD").micro, MICRO) == Fraction(text)


@pytest.mark.parametrize(
    ("text", "micro"),
    [
        ("0", 0),
        ("0.0", 0),
        ("3", 3_000_000),
        ("0.25", 250_000),
        ("0.000001", 1),
        ("10.10", 10_100_000),
        ("9223372036854.775807", LARGEST),
    ],
)
def test_plain_decimals_are_read(text, micro):
    assert Money.parse(text, "USD").micro == micro


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "-1",
        "-0",
        "+1",
        "01",
        "00",
        "00.5",
        ".5",
        "5.",
        ".",
        "1e3",
        "0.1e1",
        "1E9",
        "1e999",
        "NaN",
        "nan",
        "Infinity",
        "inf",
        "0x10",
        "1_000",
        "1,000",
        "1 000",
        " 1",
        "1 ",
        "1\n",
        "\n1",
        "1\x00",
        "0.0000001",
        "0.1234567",
        "1.2.3",
        "--1",
        "1-",
        "\N{ARABIC-INDIC DIGIT ONE}",
        "\N{ARABIC-INDIC DIGIT ONE}.5",
        "0.\N{ARABIC-INDIC DIGIT FIVE}",
        "\N{FULLWIDTH DIGIT ONE}",
        "\N{SUPERSCRIPT TWO}",
        "\N{VULGAR FRACTION ONE HALF}",
        "1\N{NO-BREAK SPACE}",
        "$1",
        "1 USD",
        "None",
        "true",
    ],
)
def test_everything_else_is_refused(text):
    with pytest.raises(ValueError, match="plain decimal"):
        Money.parse(text, "USD")


@pytest.mark.parametrize("text", ["9" * 10**5, "0." + "3" * 10**5, "x" * (LONGEST + 1)])
def test_a_text_that_is_too_long_is_called_so(text):
    """Ten thousand digits are not a matter of their places."""
    with pytest.raises(ValueError, match=f"too long, {len(text)} characters where 26 do") as raised:
        Money.parse(text, "USD")
    assert len(str(raised.value)) < 200
    with pytest.raises(ValueError, match="plain decimal") as raised:
        Money.parse(text[:LONGEST].replace("3", "x", 1), "USD")
    assert "too long" not in str(raised.value)


def test_the_longest_amount_that_can_be_written_is_as_long_as_said():
    assert len("9" * 19 + ".999999") == LONGEST


@given(st.integers(0, 2**100))
def test_a_sum_beyond_every_amount_is_written_exactly(micro):
    assert Fraction(decimal(micro)) == Fraction(micro, MICRO)


@pytest.mark.parametrize(
    "text", ["9223372036854.775808", "9223372036855", "9999999999999999999", "9223372036854775808"]
)
def test_more_than_a_ledger_can_hold_is_refused(text):
    with pytest.raises(ValueError, match="micro-units"):
        Money.parse(text, "USD")


@given(st.text(max_size=30))
def test_no_text_is_read_as_something_else(text):
    """Whatever is accepted reads back as the same number."""
    try:
        money = Money.parse(text, "USD")
    except ValueError:
        return
    assert Fraction(text) == Fraction(money.micro, MICRO)


@pytest.mark.parametrize("text", ["9" * 10**7, "0." + "9" * 10**7, "0" * 10**7, "1" * 10**7 + "x"])
def test_long_nonsense_is_refused_before_it_is_computed(text):
    """Refused by its form: Python would work for minutes on ten million digits."""
    with pytest.raises(ValueError, match="plain decimal"):
        Money.parse(text, "USD")


def test_a_refusal_does_not_repeat_what_it_refused():
    with pytest.raises(ValueError, match="plain decimal") as caught:
        Money.parse("secret-in-the-wrong-place", "USD")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "micro", [-1, LARGEST + 1, 2**64, 0.5, 1.0, True, "1", None, float("nan"), float("inf")]
)
def test_an_amount_is_a_whole_number_in_range(micro):
    with pytest.raises(ValueError, match="whole number"):
        Money(micro, "USD")


@pytest.mark.parametrize(
    "currency",
    [
        "",
        "usd",
        "US",
        "USDT",
        "US1",
        "U D",
        "USD\n",
        "\N{LATIN CAPITAL LETTER A WITH RING ABOVE}BC",
    ],
)
def test_a_currency_is_three_capital_letters(currency):
    with pytest.raises(ValueError, match="capital letters"):
        Money(1, currency)


def test_currencies_are_different_money():
    assert Money(1, "USD") != Money(1, "EUR")


def test_money_says_itself():
    assert str(Money(250_000, "USD")) == "0.25 USD"


def test_money_never_changes(frozen):
    frozen(Money(1, "USD"))


def test_money_can_be_a_key():
    assert {Money(1, "USD"): "one"}[Money(1, "USD")] == "one"
