"""The keys that an issuer has in force at one time, each bound to its algorithm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from caracal_auth_jwt.algorithms import signature

TRIED_MAX = 4
"""How many keys a token without ``kid`` is tried with; more would be work for anybody's asking."""


class Verifier(Protocol):
    """A key that can verify the signatures of one algorithm."""

    @property
    def algorithm(self) -> str:
        """Its one algorithm, by the name that `algorithms.signature` gives it."""

    def verifies(self, signing_input: bytes, signature: bytes) -> bool:
        """Say whether this is the key's signature over the input; whatever comes, no error."""


class NamedKey(Struct, frozen=True):
    """A key and its ``kid``, which may be absent."""

    kid: str | None
    key: Verifier


class KeySet:
    """Some keys. Two sets are the same only if they are one object: that is their epoch.

    Args:
        keys: the keys; of one ``kid`` and algorithm there is at most one.
        refused: one sentence for each key that was left out.
    """

    __slots__ = ("_by_name", "_unpinned", "refused")

    def __init__(self, keys: Sequence[NamedKey], refused: Sequence[str] = ()) -> None:
        self._by_name = {(each.kid, each.key.algorithm): each.key for each in keys}
        self._unpinned: dict[str, tuple[Verifier, ...]] = {}
        for each in keys:
            same = self._unpinned.get(each.key.algorithm, ())
            self._unpinned[each.key.algorithm] = (*same, each.key)
        self.refused = tuple(refused)

    def find(self, kid: str | None, algorithm: str) -> Sequence[Verifier]:
        """Return the keys that may have made a signature; none where there is none to try.

        Args:
            kid: what the token calls its key; only ever compared with the names in the set.
            algorithm: what the token says it was signed with, which the issuer may use.
        """
        name = signature(algorithm)
        if kid is not None:
            key = self._by_name.get((kid, name))
            return () if key is None else (key,)
        same = self._unpinned.get(name, ())
        return same if len(same) <= TRIED_MAX else ()


class PinnedKey(KeySet):
    """One key that verifies whatever its tokens call it."""

    __slots__ = ("_pinned",)

    def __init__(self, key: Verifier) -> None:
        super().__init__(())
        self._pinned = key

    def find(self, kid: str | None, algorithm: str) -> Sequence[Verifier]:  # noqa: ARG002 - one key
        return (self._pinned,) if self._pinned.algorithm == signature(algorithm) else ()
