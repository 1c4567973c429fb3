"""A remembered token is believed no longer than it would be verified, and only few are kept."""

import pytest

from caracal_auth_jwt.claims import Proof
from caracal_auth_jwt.key_set import KeySet
from caracal_auth_jwt.token_cache import TokenCache, Verified
from caracal_core.domain import Once, Principal
from caracal_core.errors import Failure
from caracal_core.testing.fakes import FakeMetrics

NOW = 1_800_000_000.0


class Source:
    """Has these keys, or none."""

    def __init__(self):
        self.keys = KeySet(())

    def current(self):
        if self.keys is None:
            raise Failure("auth_jwt authenticator", "none")
        return self.keys


@pytest.fixture
def source():
    return Source()


@pytest.fixture
def metrics():
    return FakeMetrics()


@pytest.fixture
def make_cache(metrics):
    def make(size=3):
        looks = [metrics.counter("token_cache", "x", result=result) for result in ("hit", "miss")]
        return TokenCache(size, *looks)

    return make


def verified(source, name="a", **principal):
    proof = Proof(Principal(name, "jwt", **principal), NOW - 30, NOW + 60, None)
    return Verified(proof, source, source.keys)


def test_a_token_that_comes_again_is_found(make_cache, metrics, source):
    cache = make_cache()
    assert cache.find("a.b.c", NOW) is None
    cache.keep("a.b.c", verified(source))
    assert cache.find("a.b.c", NOW).principal.id == "a"
    assert cache.find("a.b.d", NOW) is None
    assert metrics.counted("token_cache", result="hit") == 1
    assert metrics.counted("token_cache", result="miss") == 2


def test_an_expired_token_is_not(make_cache, source):
    """The end is checked on each look, to the second."""
    cache = make_cache()
    cache.keep("a.b.c", verified(source))
    assert cache.find("a.b.c", NOW + 59.9)
    assert cache.find("a.b.c", NOW + 60) is None
    assert cache.find("a.b.c", NOW) is None


def test_nor_one_before_its_time(make_cache, source):
    """A clock that was set back takes the token's beginning back, too."""
    cache = make_cache()
    cache.keep("a.b.c", verified(source))
    assert cache.find("a.b.c", NOW - 31) is None


def test_other_keys_end_what_the_old_ones_proved(make_cache, source):
    """Case 21: a removed key's tokens are verified again at once, and then refused."""
    cache = make_cache()
    cache.keep("a.b.c", verified(source))
    source.keys = KeySet(())
    assert cache.find("a.b.c", NOW) is None


def test_without_keys_a_remembered_token_is_a_failure_too(make_cache, source):
    """Past the time to live of the keys, 503 for all of the issuer's tokens."""
    cache = make_cache()
    cache.keep("a.b.c", verified(source))
    source.keys = None
    with pytest.raises(Failure):
        cache.find("a.b.c", NOW)


def test_the_one_not_shown_for_longest_is_forgotten(make_cache, source):
    cache = make_cache(2)
    for token in ("a", "b"):
        cache.keep(token, verified(source, token))
    cache.find("a", NOW)
    cache.keep("c", verified(source, "c"))
    assert [bool(cache.find(token, NOW)) for token in "abc"] == [True, False, True]


def test_switched_off_it_remembers_and_counts_nothing(make_cache, metrics, source):
    cache = make_cache(0)
    cache.keep("a", verified(source))
    assert cache.find("a", NOW) is None
    assert metrics.counted("token_cache", result="miss") == 0


def test_a_token_for_single_use_is_not_worth_remembering(make_cache, source):
    cache = make_cache()
    cache.keep("a", verified(source, once=(Once("jti:1", NOW),)))
    assert cache.find("a", NOW) is None


def test_the_token_itself_is_not_kept(make_cache, source):
    """Whatever is dumped of the process's objects, no credential is among the cache's."""
    cache = make_cache()
    cache.keep("a.b.c", verified(source))
    assert len(cache._known) == 1
    assert "a.b.c" not in repr(cache._known._values)
