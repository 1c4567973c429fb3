"""Tokens that were verified, so that a token that comes again costs one digest."""

from __future__ import annotations

import hashlib

from msgspec import Struct

from caracal_auth_jwt.claims import Proof
from caracal_auth_jwt.key_set import KeySet
from caracal_auth_jwt.key_source import KeySource
from caracal_core.lru_cache import LruCache
from caracal_core.ports import Counter


class Verified(Struct, frozen=True):
    """A token that was verified.

    Attributes:
        proof: what it proved.
        source: where its issuer's keys come from.
        keys: the keys that were in force; once others are, the token is verified again.
    """

    proof: Proof
    source: KeySource
    keys: KeySet


class TokenCache:
    """Remembers the most recently shown tokens by their SHA-256, and never the tokens.

    What it remembers is only ever a shortcut: a token has several spellings, such as the two
    signatures of ECDSA, and each of them is another entry.

    Args:
        size: how many it remembers; 0 none.
        hits: counts tokens that were found and still good.
        misses: counts the others.
    """

    def __init__(self, size: int, hits: Counter, misses: Counter) -> None:
        self._size, self._hits, self._misses = size, hits, misses
        self._known: LruCache[bytes, Verified] = LruCache(size)

    def find(self, token: str, now: float) -> Proof | None:
        """Return what a token proved, where it still does.

        Raises:
            Failure: its issuer has no keys any more.
        """
        if not self._size:
            return None
        digest = hashlib.sha256(token.encode()).digest()
        known = self._known.get(digest)
        if known is not None:
            if self._still_good(known, now):
                self._hits.add()
                return known.proof
            self._known.forget(digest)
        self._misses.add()
        return None

    def keep(self, token: str, verified: Verified) -> None:
        """Remember a token, and forget the one that was not shown for longest if it is full.

        One for single use is not worth it.
        """
        if not self._size or verified.proof.principal.once:
            return
        self._known.put(hashlib.sha256(token.encode()).digest(), verified)

    @staticmethod
    def _still_good(known: Verified, now: float) -> bool:
        proof = known.proof
        return proof.begins_at <= now < proof.ends_at and known.source.current() is known.keys
