"""Header fields stay as they stood on the wire: ordered, repeated, unjoined, unchanged."""

from hypothesis import given
from hypothesis import strategies as st

from caracal_core.domain import Headers

FIELDS = [("a", "1"), ("set-cookie", "x"), ("a", "2"), ("set-cookie", "y, z")]
SOME = st.lists(st.tuples(st.sampled_from("abc"), st.text(max_size=3)))


def test_the_first_value_is_given():
    assert Headers(FIELDS).get("a") == "1"
    assert Headers(FIELDS).get("b") is None


def test_all_values_are_given_in_order_and_never_joined():
    assert Headers(FIELDS).all("set-cookie") == ("x", "y, z")
    assert Headers(FIELDS).all("b") == ()


@given(SOME)
def test_what_goes_in_comes_out(fields):
    headers = Headers(fields)
    assert (list(headers), len(headers)) == (fields, len(fields))


@given(SOME, SOME)
def test_adding_makes_a_new_one(fields, more):
    headers = Headers(fields)
    assert list(headers.plus(*more)) == fields + more
    assert list(headers) == fields


@given(SOME, st.frozensets(st.sampled_from("abc")))
def test_removing_makes_a_new_one(fields, names):
    headers = Headers(fields)
    assert list(headers.without(names)) == [field for field in fields if field[0] not in names]
    assert list(headers) == fields


def test_removing_what_is_not_there_makes_nothing_new():
    headers = Headers(FIELDS)
    assert headers.without(frozenset({"b", "set_cookie"})) is headers


def test_underscores_do_not_save_a_field_from_being_removed():
    """Many servers read them as hyphens."""
    headers = Headers([("set_cookie", "x"), ("set-cookie", "y"), ("a_b", "z")])
    assert list(headers.without(frozenset({"set-cookie"}))) == [("a_b", "z")]


def test_presence_is_asked_by_name():
    assert "a" in Headers(FIELDS)
    assert "1" not in Headers(FIELDS)
    assert ("a", "1") not in Headers(FIELDS)


def test_equal_fields_in_equal_order_are_equal():
    assert Headers(FIELDS) == Headers(list(FIELDS))
    assert hash(Headers(FIELDS)) == hash(Headers(list(FIELDS)))
    assert Headers(FIELDS) != Headers(FIELDS[::-1])
    assert Headers() != ()


def test_the_fields_given_may_change_afterwards():
    fields = list(FIELDS)
    headers = Headers(fields)
    fields.clear()
    assert len(headers) == len(FIELDS)


def test_values_are_not_shown():
    """A value may be a credential."""
    shown = repr(Headers([("authorization", "Bearer secret"), ("x-api-key", "hidden")]))
    assert shown == "Headers(authorization, x-api-key)"
    assert str(Headers([("cookie", "hidden")])) == "Headers(cookie)"


def test_nothing_can_be_added_in_place():
    assert not hasattr(Headers(), "__dict__")
    assert not hasattr(Headers(), "__setitem__")
