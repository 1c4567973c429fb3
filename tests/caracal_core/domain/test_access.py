"""The question to the policies and their answer are values that never change."""

from caracal_core.domain import Access, Decision, Principal


def test_an_access_never_changes(frozen):
    frozen(Access(Principal("alice", "jwt"), "openai", "POST", "/v1"))


def test_equal_questions_are_equal():
    one, two = (Access(Principal("alice", "jwt"), "r", "GET", "/") for _ in range(2))
    assert one == two


def test_a_decision_never_changes(frozen):
    frozen(Decision(permit=True, policy="researchers"))
