"""Whether the keys are there that tokens are verified with."""

from __future__ import annotations

from collections.abc import Sequence

from caracal_auth_jwt.key_source import KeySource
from caracal_core.errors import Failure


class KeysCheck:
    """Implements `HealthCheck`.

    Unwell while an issuer's keys were never read, so that a fresh replica takes no requests
    that the others can answer, and while no issuer at all has keys. One of several issuers that
    went down later costs its own agents 503, not everybody.

    Args:
        sources: each issuer's.
    """

    name = "jwt_keys"

    def __init__(self, sources: Sequence[KeySource]) -> None:
        self._sources = sources

    async def check(self) -> str | None:
        wrong = [_complaint(source) for source in self._sources]
        never = [_complaint(source) for source in self._sources if not source.was_ready]
        if never:
            return never[0]
        return wrong[0] if all(wrong) else None


def _complaint(source: KeySource) -> str:
    """Say why a source has no keys; empty where it has."""
    try:
        source.current()
    except Failure as failure:
        return failure.internal
    return ""
