"""The memory is bounded, and what was not asked for the longest goes first."""

from caracal_auth_mtls.recent import Recent


def test_what_was_asked_for_stays():
    recent = Recent(2)
    recent.put("a", 1)
    recent.put("b", 2)
    assert recent.get("a") == 1
    recent.put("c", 3)
    assert (recent.get("a"), recent.get("b"), recent.get("c")) == (1, None, 3)
    assert len(recent) == 2


def test_it_never_holds_more_than_it_may():
    recent = Recent(10)
    for number in range(1000):
        recent.put(number % 37, number)
        assert len(recent) <= 10
