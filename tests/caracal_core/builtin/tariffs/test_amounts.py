"""An amount is exactly what was written, or it is refused with a word on how to write it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from caracal_core.builtin.tariffs.amounts import Amount, FineAmount, micros, picos

ODD = ["NaN", "-1", "+1", "1e3", "0.1e1", "1e999", "inf", ".5", "1.", "01", "1,5", "", " 1", "1\n"]
ODD += ["٣", "9" * 10**7, "0x1", "1_000"]


class _Both(BaseModel):
    coarse: Amount = "0"
    fine: FineAmount = "0"


@given(st.integers(0, (2**63 - 1) * 10**6))
def test_a_fine_amount_is_exact_to_the_twelfth_place(number):
    whole, places = divmod(number, 10**12)
    assert picos(f"{whole}.{places:012}") == number


@given(st.integers(0, 2**63 - 1))
def test_a_coarse_amount_is_exact_to_the_sixth_place(number):
    whole, places = divmod(number, 10**6)
    assert micros(f"{whole}.{places:06}") == number


@pytest.mark.parametrize(
    ("text", "number"), [("0", 0), ("1", 10**12), ("0.00000002", 20_000), ("0.000000000001", 1)]
)
def test_a_fine_amount_is_counted_in_picos(text, number):
    assert picos(text) == number


@pytest.mark.parametrize("text", [*ODD, "0.0000000000001"], ids=lambda text: text[:20])
def test_what_is_no_plain_decimal_is_no_fine_amount(text):
    with pytest.raises(ValidationError, match="plain decimal with at most 12 places"):
        _Both(fine=text)


@pytest.mark.parametrize("text", [*ODD, "0.0000001"], ids=lambda text: text[:20])
def test_what_is_no_plain_decimal_is_no_amount(text):
    with pytest.raises(ValidationError, match="plain decimal with at most 6 places"):
        _Both(coarse=text)


@pytest.mark.parametrize(("key", "longest"), [("coarse", 26), ("fine", 32)])
def test_a_text_that_is_too_long_is_called_so(key, longest):
    with pytest.raises(ValidationError, match=f"too long, 100000 characters where {longest} do"):
        _Both.model_validate({key: "9" * 10**5})
    with pytest.raises(ValidationError) as raised:
        _Both.model_validate({key: "x" * longest})
    assert "too long" not in str(raised.value)


@pytest.mark.parametrize("key", ["coarse", "fine"])
@pytest.mark.parametrize("value", [0.002, 1, True, None, ["1"], float("nan"), 2**63])
def test_an_unquoted_amount_is_refused_with_the_mend(key, value):
    """YAML makes floats of unquoted decimals, and floats are not money."""
    with pytest.raises(ValidationError, match="write it in quotes"):
        _Both.model_validate({key: value})


@pytest.mark.parametrize("key", ["coarse", "fine"])
def test_an_amount_beyond_the_ledger_is_refused(key):
    _Both.model_validate({key: "9223372036854.775807"})
    for beyond in ("9223372036854.775808", "9223372036855", "9" * 19):
        with pytest.raises(ValidationError):
            _Both.model_validate({key: beyond})
