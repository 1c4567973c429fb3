"""An answer serves for two seconds and no longer; neither memory grows or crowds out the other."""

import pytest

from caracal_core.errors import Failure
from caracal_core.recent import FRESH_SECONDS, OTHERS_SHARE, Recent
from caracal_core.testing.fakes import FakeClock


class Store:
    """Answers with its number of being asked, with nothing for words, or not at all."""

    def __init__(self):
        self.asked = []
        self.down = False

    async def ask(self, key):
        self.asked.append(key)
        if self.down:
            raise Failure("store", "down on purpose")
        return len(self.asked) if isinstance(key, int) else None


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def answers(store, clock):
    return Recent(store.ask, lambda answer: answer is not None, clock)


async def test_a_key_is_asked_once_in_two_seconds(answers, store, clock):
    assert [await answers.get(7), await answers.get(7)] == [1, 1]
    clock.advance(FRESH_SECONDS - 0.001)
    assert await answers.get(7) == 1
    clock.advance(0.001)
    assert await answers.get(7) == 2
    assert store.asked == [7, 7]


async def test_what_is_known_is_told_without_asking_for_as_long_as_it_is_fresh(
    answers, store, clock
):
    assert answers.known(7) is None
    await answers.get(7)
    clock.advance(FRESH_SECONDS - 0.001)
    assert answers.known(7) == 1
    clock.advance(0.001)
    assert answers.known(7) is None
    assert store.asked == [7]


async def test_what_is_not_good_is_remembered_too(answers, store):
    assert [await answers.get("x"), await answers.get("x")] == [None, None]
    assert store.asked == ["x"]


async def test_a_store_that_is_down_fails_the_asker_once_the_answer_is_old(answers, store, clock):
    """An answer is never stretched, and the next asker asks again."""
    await answers.get(7)
    store.down = True
    assert await answers.get(7) == 1
    clock.advance(FRESH_SECONDS)
    for _ in range(2):
        with pytest.raises(Failure):
            await answers.get(7)
    store.down = False
    assert await answers.get(7) == 4


async def test_a_flood_of_the_one_leaves_the_other_alone(store, clock):
    answers = Recent(store.ask, lambda answer: answer is not None, clock, good_max=30)
    await answers.get(7)
    for number in range(100):
        await answers.get(f"word {number}")
    assert (len(answers._others), list(answers._good)) == (30 // OTHERS_SHARE, [7])
    for number in range(100):
        await answers.get(number)
    assert (len(answers._others), list(answers._good)) == (3, list(range(70, 100)))


async def test_an_answer_serves_as_long_as_the_asker_says(store, clock):
    answers = Recent(store.ask, lambda answer: answer is not None, clock, fresh_seconds=0.5)
    assert await answers.get(7) == 1
    clock.advance(0.499)
    assert await answers.get(7) == 1
    clock.advance(0.001)
    assert await answers.get(7) == 2


async def test_an_answer_that_changes_its_kind_moves(store, clock):
    """It stands in one memory only, else the older one would win for ever."""
    said = iter([None, "yes", None])

    async def ask(_key):
        return next(said)

    answers = Recent(ask, lambda answer: answer is not None, clock)
    for expected in (None, "yes", None):
        assert await answers.get("k") == expected
        assert len(answers._good) + len(answers._others) == 1
        clock.advance(FRESH_SECONDS)
