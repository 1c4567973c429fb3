"""An authenticator says in which fields it looks so that it can be believed, or nothing starts."""

import pytest

from caracal_core.assembly import credentials as credentials_module
from caracal_core.assembly.credentials import (
    credential_fields,
    declared_fields,
    declared_kinds,
    own_fields,
    withheld_fields,
)
from caracal_core.assembly.furnishing import Furnishing
from caracal_core.errors import Misconfigured
from caracal_core.plugin import Config, Plugin
from caracal_core.testing.fakes.parts import TrivialAuthenticator


def declaring(headers):
    part = TrivialAuthenticator()
    part.headers = headers
    return part


def furnishing(name, *declarations):
    parts = tuple(map(declaring, declarations))
    return Furnishing(name, False, Plugin(Config()), lambda: None, authenticators=parts)


def test_the_fields_of_all_are_gathered_by_their_canonical_names():
    one = furnishing("one", frozenset({"authorization"}), frozenset())
    two = furnishing("two", frozenset({"x_their_token", "authorization"}))
    three = furnishing("three")
    assert credential_fields([one, two, three]) == {"authorization", "x-their-token"}


def test_what_was_withheld_is_withheld_still_and_bounded(monkeypatch):
    """Today's fields alone may be as many as they are."""
    monkeypatch.setattr(credentials_module, "MOST_WITHHELD", 2)
    today = [furnishing("one", frozenset({"x_new"}))]
    assert withheld_fields(today, frozenset()) == {"x-new"}
    assert withheld_fields(today, frozenset({"x-old"})) == {"x-new", "x-old"}
    with pytest.raises(Misconfigured, match=r"more than 2 fields\. Restart"):
        withheld_fields(today, frozenset({"x-old", "x-older"}))
    many = [furnishing("one", frozenset("abc"))]
    assert withheld_fields(many, frozenset("a")) == set("abc")


@pytest.mark.parametrize("declared", [frozenset(), frozenset({"a", "b-c"}), {"x-token"}])
def test_a_set_of_names_is_taken_as_it_is(declared):
    assert declared_fields("strange", declaring(declared)) == declared


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ("authorization", "are a str instead of a set"),
        (None, "are a NoneType instead of a set"),
        (["authorization"], "are a list instead of a set"),
        (frozenset({"Authorization"}), "hold 'Authorization', which is no field name"),
        (frozenset({""}), "hold '', which is no field name"),
        (frozenset({"x-token:"}), "which is no field name"),
        (frozenset({"x-t\u00f6ken"}), "which is no field name"),
        (frozenset({b"x-token"}), "which is no field name"),
        (frozenset({"a\r\nb"}), r"hold 'a\r\nb', which is no field name"),
        (frozenset({"host"}), "hold host, which is the gateway's own field"),
        (frozenset({"content_length"}), "which is the gateway's own field"),
        (frozenset({"transfer-encoding"}), "which is the gateway's own field"),
        (frozenset({"x-caracal-nonce"}), "which is the gateway's own field"),
    ],
)
def test_anything_else_is_refused_by_plugin_and_place(declared, said):
    with pytest.raises(Misconfigured) as refusal:
        credential_fields([furnishing("good", frozenset({"a"})), furnishing("strange", declared)])
    assert refusal.value.where == "plugin strange"
    assert refusal.value.what.startswith("its authenticator's headers ")
    assert said in refusal.value.what
    assert refusal.value.mend.endswith(".")


def test_a_declaration_that_raises_is_refused():
    class Broken(TrivialAuthenticator):
        @property
        def headers(self):
            raise RuntimeError("s3cret")

    with pytest.raises(Misconfigured) as refusal:
        declared_fields("strange", Broken())
    assert "raised RuntimeError" in refusal.value.what
    assert "s3cret" not in str(refusal.value)


class _Narrow(TrivialAuthenticator):
    def __init__(self, headers, kinds):
        super().__init__()
        self.headers, self.kinds = headers, kinds


def test_the_kinds_follow_from_the_headers_unless_they_are_declared():
    assert declared_kinds("strange", declaring(frozenset({"x-token"}))) == {"header:x-token"}
    assert declared_kinds("strange", declaring(frozenset())) == {"certificate"}
    narrow = _Narrow(frozenset({"authorization"}), {"bearer_jws"})
    assert declared_kinds("strange", narrow) == {"bearer_jws"}
    assert declared_kinds("strange", _Narrow(frozenset(), frozenset())) == frozenset()


@pytest.mark.parametrize(
    ("kinds", "said"),
    [
        ("bearer_jws", "are 'bearer_jws' instead of a set"),
        (None, "are None instead of a set"),
        ({"jwt"}, "hold 'jwt', which is none"),
        ({7}, "hold 7, which is none"),
        ({"x_api_key"}, "hold x_api_key, and its headers do not hold x-api-key"),
        ({"header:x-other"}, "and its headers do not hold x-other"),
    ],
)
def test_kinds_that_make_no_sense_are_refused_by_plugin_and_place(kinds, said):
    with pytest.raises(Misconfigured) as refusal:
        declared_kinds("strange", _Narrow(frozenset({"authorization"}), kinds))
    assert refusal.value.where == "plugin strange"
    assert said in refusal.value.what
    assert "credential_kinds" in refusal.value.mend


def test_the_fields_of_their_own_are_those_outside_of_the_usual():
    one = furnishing("one", frozenset({"authorization", "x-api-key"}))
    two = furnishing("two", frozenset({"x_their_token"}), frozenset())
    assert own_fields([one, two]) == {"x_their_token"}
