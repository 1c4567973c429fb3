"""Whether a request's header fields hold two credentials, told without looking at their values."""

from __future__ import annotations

from collections.abc import Collection, Iterable

_SINGLE = frozenset({"authorization", "x-api-key"})
"""Fields that hold one credential each, so that two of them are two credentials."""


def are_two(shown: Collection[str], declared: Iterable[frozenset[str]]) -> bool:
    """Return whether credentials of two authenticators are shown, or one field of one twice.

    Several fields of one authenticator alone may be one credential, such as a key's name and a
    signature; that one is for itself to judge.

    Args:
        shown: names of the request's fields that any of the authenticators declares, each as
            often as it was sent.
        declared: for each authenticator the names of the fields that it looks into.
    """
    if len(shown) < 2:  # noqa: PLR2004 - two is the rule
        return False
    names = set(shown)
    if len(names) < len(shown) and any(list(shown).count(name) > 1 for name in names & _SINGLE):
        return True
    return len(names) > 1 and sum(not names.isdisjoint(each) for each in declared) > 1
