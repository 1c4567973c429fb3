"""The question to the policies and their answer are values that never change."""

import pytest

from caracal_core.domain import Access, Decision, Principal


def test_an_access_never_changes(frozen):
    frozen(Access(Principal("alice", "jwt"), "openai", "POST", "/v1"))


def test_equal_questions_are_equal():
    one, two = (Access(Principal("alice", "jwt"), "r", "GET", "/") for _ in range(2))
    assert one == two


def test_a_decision_never_changes(frozen):
    frozen(Decision(permit=True, policy="researchers"))


@pytest.mark.parametrize("permit", ["no", "yes", 1, 0, None, object()])
def test_nothing_but_true_permits_and_nothing_but_false_denies(permit):
    with pytest.raises(TypeError, match="True"):
        Decision(permit, "researchers")


@pytest.mark.parametrize("words", [(None, ""), ("researchers", None), (5, "")])
def test_a_decisions_words_are_texts(words):
    with pytest.raises(TypeError, match="texts"):
        Decision(True, *words)
