"""The idempotency keys of a batch, in the memory of the only writer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from caracal_core.domain import Charge
from caracal_core.errors import IdempotencyConflict
from caracal_core.ports import Row


class Keys:
    """Says what a key stands for, and notes whose it becomes.

    Args:
        rows: the rows of the keys that the batch names, by agent and key, each with the ``state``
            of its latest attempt (None where nothing is known of it) and ``adjusted``.
    """

    def __init__(self, rows: Mapping[tuple[str, str], Row]) -> None:
        self._rows = dict(rows)
        self.taken: list[Sequence[object]] = []

    def conflict(self, charge: Charge) -> IdempotencyConflict | None:
        """Return why a charge with a key must not be held; None where it may be."""
        row = self._rows.get((charge.agent, charge.key)) if charge.key is not None else None
        if row is None:
            return None
        public = cast(str, row["charge"])
        if row["fingerprint"] != charge.fingerprint:
            return IdempotencyConflict("idempotency_key_reused", public)
        if row["state"] == "pending":
            return IdempotencyConflict("idempotency_in_flight", public)
        if row["state"] == "posted" or row["adjusted"]:
            return IdempotencyConflict("already_charged", public)
        return None

    def public(self, charge: Charge) -> str | None:
        """Give the key to a charge that is held; return its public id where it is another's."""
        if charge.key is None:
            return None
        row = self._rows.get((charge.agent, charge.key))
        public = cast(str, row["charge"]) if row is not None else charge.id
        self.taken.append((charge.agent, charge.key, public, charge.fingerprint, charge.id))
        self._rows[charge.agent, charge.key] = {
            "charge": public,
            "fingerprint": charge.fingerprint,
            "state": "pending",
            "adjusted": 0,
        }
        return public if public != charge.id else None
