"""Which credential is this mode's: X-API-Key always, Authorization by its scheme and prefix."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_auth_apikey import key_text
from caracal_auth_apikey.presented import HEADERS, check_query, presented
from caracal_core.domain import Headers
from caracal_core.errors import BadRequest, Unauthenticated

BODY = "ck_" + "q7" * 8 + "_" + "x5" * 26
KEY = BODY + key_text._checksum(BODY)  # always the same, for it is in the names of the tests


@pytest.mark.parametrize(
    "field",
    [
        ("x-api-key", KEY),
        ("authorization", f"Bearer {KEY}"),
        ("authorization", f"bearer {KEY}"),
        ("authorization", f"ApiKey {KEY}"),
        ("authorization", f"APIKEY {KEY}"),
    ],
)
def test_a_key_is_found_where_clients_put_it(field):
    assert field[0] in HEADERS
    assert presented(Headers([field])) == KEY


@pytest.mark.parametrize(
    "value",
    [
        "Bearer eyJhbGciOiJSUzI1NiJ9.e30.c2ln",
        "Bearer",
        "Bearer ",
        "Bearer xck_aaaaaaaaaaaaaaaa_",
        f"Basic {KEY}",
        f"ApiKeys {KEY}",
        f"Bearer,{KEY}",
        "",
        "Negotiate ck",
    ],
)
def test_what_is_not_ours_is_left_to_others(value):
    assert presented(Headers([("authorization", value)])) is None


def test_nothing_shown_is_nothing():
    assert presented(Headers()) is None
    assert presented(Headers([("x-api-keys", KEY)])) is None


@pytest.mark.parametrize(
    ("field", "found"),
    [
        (("x-api-key", ""), ""),
        (("x-api-key", "anything"), "anything"),
        (("authorization", "ApiKey anything"), "anything"),
        (("authorization", f"Bearer  {KEY}"), f" {KEY}"),
        (("authorization", f"Bearer {KEY.upper()}"), KEY.upper()),
        (("authorization", "Bearer ck_"), "ck_"),
    ],
)
def test_what_is_ours_and_bad_is_found_as_it_stands(field, found):
    """Parsing refuses it; nobody else is asked."""
    assert presented(Headers([field])) == found


@pytest.mark.parametrize(
    "value",
    [KEY, f"Bearer\t{KEY}", f"ApiKey\t{KEY}", "ApiKey", "CK_x y", f"ApiKey,{KEY}"],
)
def test_a_key_in_a_form_that_is_not_right_is_refused(value):
    with pytest.raises(Unauthenticated) as refused:
        presented(Headers([("authorization", value)]))
    assert KEY not in refused.value.internal


@pytest.mark.parametrize(
    "fields",
    [
        [("x-api-key", KEY), ("authorization", f"Bearer {KEY}")],
        [("x-api-key", KEY), ("authorization", f"ApiKey {KEY}")],
        [("x-api-key", "bad"), ("authorization", "ApiKey bad")],
        [("x-api-key", KEY), ("x-api-key", KEY)],
        [("authorization", f"Bearer {KEY}"), ("authorization", f"ApiKey {KEY}")],
    ],
)
def test_two_are_refused_even_where_they_are_the_same(fields):
    with pytest.raises(BadRequest, match="Two credentials"):
        presented(Headers(fields))


def test_a_foreign_credential_beside_a_key_is_for_the_stage_to_judge():
    fields = [("x-api-key", KEY), ("authorization", "Bearer eyJ.e30.c2ln")]
    assert presented(Headers(fields)) == KEY


@pytest.mark.parametrize(
    "query",
    [
        f"api_key={KEY}",
        f"x-api-key={KEY}",
        f"apikey={KEY}",
        f"a=1&whatever={KEY}&b=2",
        f"q=Bearer+{KEY}",
        f"q={KEY[:-9]}",
        f"q={KEY.upper()}",
        f"q={KEY.replace('_', '%5F')}",
        f"q=%63k_{KEY[3:]}",
        KEY,
    ],
)
def test_a_key_in_the_query_is_refused_without_being_repeated(query):
    """Whole, in part or mistyped: it has leaked."""
    with pytest.raises(BadRequest) as refused:
        check_query(query)
    assert KEY[20:40] not in str(refused.value).lower()


@pytest.mark.parametrize(
    "query",
    [
        "",
        "a=1&b=2",
        "consumer_key=ck_5f2b8d9a3c1e4f6a7b8c9d0e1f2a3b4c5d6e7f80",
        "api_key=something-for-the-upstream",
        "q=%FF%zz%",
        "stack_overflow=ck_",
    ],
)
def test_any_other_query_passes(query):
    """Other systems' keys, which begin alike, are the upstream's."""
    check_query(query)


@given(st.text(st.characters(max_codepoint=255), max_size=300))
def test_no_value_is_an_error(value):
    try:
        presented(Headers([("authorization", value)]))
        check_query(value)
    except (BadRequest, Unauthenticated):
        return
