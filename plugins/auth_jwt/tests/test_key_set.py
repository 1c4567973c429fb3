"""A key id only ever chooses among keys that are known, and never the algorithm."""

import pytest

from caracal_auth_jwt.key_set import TRIED_MAX, KeySet, NamedKey, PinnedKey


class Key:
    def __init__(self, algorithm):
        self.algorithm = algorithm

    def verifies(self, signing_input, signature):
        return False


A, B, E = Key("RS256"), Key("RS256"), Key("Ed25519")
SET = KeySet([NamedKey("a", A), NamedKey("b", B), NamedKey("a", E), NamedKey(None, Key("ES256"))])


def test_a_name_finds_its_key_for_its_algorithm():
    """Two keys of different kinds may share a name (RFC 7517 section 4.5)."""
    assert SET.find("a", "RS256") == (A,)
    assert SET.find("b", "RS256") == (B,)
    assert SET.find("a", "Ed25519") == SET.find("a", "EdDSA") == (E,)


@pytest.mark.parametrize(
    ("kid", "algorithm"),
    [("c", "RS256"), ("A", "RS256"), ("a", "PS256"), ("b", "EdDSA"), ("", "RS256"), ("a", "HS256")],
)
def test_an_unknown_name_or_another_algorithm_finds_nothing(kid, algorithm):
    """Nothing is tried in place of what was named."""
    assert SET.find(kid, algorithm) == ()


def test_without_a_name_the_keys_of_the_algorithm_are_tried():
    assert SET.find(None, "RS256") == (A, B)
    assert len(SET.find(None, "ES256")) == 1
    assert SET.find(None, "PS256") == ()


def test_without_a_name_no_more_than_a_few_are_tried():
    """Each try costs the gateway more than it costs whoever asks for it."""
    few = [NamedKey(str(number), Key("RS256")) for number in range(TRIED_MAX)]
    assert len(KeySet(few).find(None, "RS256")) == TRIED_MAX
    assert KeySet([*few, NamedKey("more", Key("RS256"))]).find(None, "RS256") == ()


def test_a_pinned_key_is_the_key_whatever_its_tokens_call_it():
    pinned = PinnedKey(A)
    assert pinned.find("anything", "RS256") == pinned.find(None, "RS256") == (A,)
    assert pinned.find(None, "PS256") == ()
    assert PinnedKey(E).find("x", "EdDSA") == (E,)


def test_the_sentences_on_what_was_left_out_stay_with_it():
    assert KeySet((), ["a"]).refused == ("a",)
    assert PinnedKey(A).refused == ()
