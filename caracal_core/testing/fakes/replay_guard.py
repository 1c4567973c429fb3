"""A replay guard that forgets nothing."""

from __future__ import annotations

from caracal_core.domain import Nonce


class FakeReplayGuard:
    """Remembers every nonce it ever saw, in memory.

    Attributes:
        claimed: the scopes and values seen.
    """

    def __init__(self) -> None:
        self.claimed: set[tuple[str, str]] = set()

    async def claim(self, nonce: Nonce) -> bool:
        key = nonce.scope, nonce.value
        if key in self.claimed:
            return False
        self.claimed.add(key)
        return True
