"""Counters move by what is held and spent, and stay full where nothing more can be counted."""

from caracal_core.builtin.ledger.sqlite_books import Counter
from caracal_core.domain.money import LARGEST


def test_a_counter_moves():
    """An overrun raises the excess, which stays."""
    counter = Counter(1, limit=10, spent=2, held=5, excess=0)
    assert counter.left == 3
    counter.move(held=5, spent=12)
    assert (counter.spent, counter.held, counter.excess, counter.left) == (14, 0, 4, -4)


def test_a_full_counter_stays_full():
    """And what is held beside it can still be counted."""
    counter = Counter(1, limit=10, spent=0, held=7, excess=0)
    counter.move(held=2, spent=LARGEST)
    assert (counter.spent, counter.held) == (LARGEST - 5, 5)
