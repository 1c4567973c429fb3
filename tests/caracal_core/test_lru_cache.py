"""The memory is bounded, and what was not asked for the longest goes first."""

from caracal_core.lru_cache import LruCache


def test_what_was_asked_for_stays():
    cache = LruCache(2)
    cache.put("a", 1)
    cache.put("b", 2)
    assert cache.get("a") == 1
    cache.put("c", 3)
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (1, None, 3)
    assert len(cache) == 2


def test_it_never_holds_more_than_it_may():
    cache = LruCache(10)
    for number in range(1000):
        cache.put(number % 37, number)
        assert len(cache) <= 10


def test_what_is_forgotten_is_gone_and_makes_room():
    cache = LruCache(2)
    cache.put("a", 1)
    cache.put("b", 2)
    cache.forget("b")
    cache.forget("never put")
    cache.put("c", 3)
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (1, None, 3)
