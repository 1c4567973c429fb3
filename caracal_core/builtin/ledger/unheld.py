"""Charges that certainly hold nothing, so that ending them needs no store."""

from __future__ import annotations

from collections import OrderedDict


class Unheld:
    """Remembers the latest charges whose reserve left nothing behind, and which were voided.

    A flood of refusals would else write a row for each.

    Args:
        most: how many are remembered; of an older one the store is asked again.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._voided: OrderedDict[str, bool] = OrderedDict()

    def add(self, id: str) -> None:
        """Remember a charge that holds nothing."""
        self._voided[id] = False
        if len(self._voided) > self._most:
            self._voided.popitem(last=False)

    def discard(self, id: str) -> None:
        """Forget a charge that is going to end otherwise."""
        if self._voided:
            self._voided.pop(id, None)

    def asked_again(self, id: str) -> bool:
        """Forget a charge that may hold something from now on; return False if it was voided.

        One that was voided is remembered: it must not be held any more.
        """
        if self._voided and self._voided.pop(id, False):
            self._voided[id] = True
            return False
        return True

    def void(self, id: str) -> bool:
        """Remember the void of a charge; return whether it is one of these."""
        if id in self._voided:
            self._voided[id] = True
            return True
        return False
