"""Used nonces in the database, where every replica sees them."""

from __future__ import annotations

from msgspec import Struct, convert

from caracal_core.builtin.replay.config import ReplayRules
from caracal_core.builtin.replay.epochs import CLOCK_TOLERANCE, TIMELINE, open_epoch
from caracal_core.builtin.replay.memory import issued_at
from caracal_core.builtin.replay.shares import PART, Shares
from caracal_core.domain import Nonce
from caracal_core.errors import Failure, TimestampOutOfWindow
from caracal_core.ports import Clock, Database, Dialect
from caracal_core.storage.dialect import NOW

SHARES_PER_SIZE = 10
ATTEMPTS = 3
"""Of one claim; the first may find that the epoch has not begun."""

_KNOWN = "SELECT 1 AS one FROM nonces WHERE scope = $1 AND value = $2"
_COUNT = "SELECT count(*) AS live FROM (SELECT 1 FROM nonces WHERE scope = $1 LIMIT $2) AS counted"


def _claim_sql(dialect: Dialect) -> str:
    """Return the claim: one row comes back, or the nonce may not be used."""
    return f"""INSERT INTO nonces (scope, value, issued_at, expires_at)
    SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), $6, {NOW[dialect]} + $3
    FROM replay_epochs
    WHERE timeline = {TIMELINE[dialect]} AND swept_until <= {NOW[dialect]}
      AND trusted_from < $4 AND abs({NOW[dialect]} - $5) <= {CLOCK_TOLERANCE}
    ON CONFLICT (scope, value) DO NOTHING RETURNING 1 AS one"""  # noqa: S608 - constants


def _state_sql(dialect: Dialect) -> str:
    return f"""SELECT {NOW[dialect]} - $1 AS ahead, swept_until - {NOW[dialect]} AS back,
           trusted_from
    FROM replay_epochs WHERE timeline = {TIMELINE[dialect]}"""  # noqa: S608 - constants


class _State(Struct, frozen=True):
    """Seconds by which the database's clock is ahead of ours, and behind its own past."""

    ahead: float
    back: float
    trusted_from: float


class StoredReplayGuard:
    """Implements `ReplayGuard`: a claim is one INSERT, decided by the primary key.

    Where it cannot be sure, it refuses: when the clocks of gateway and database disagree, when
    the database's went back behind what was swept, and for timestamps from before a failover or
    as old as one that was swept, such as when another gateway's window is, or was, narrower.

    Args:
        database: where the nonces are.
        clock: tells the gateway's time, by which `Nonce.expires_at` was made.
        rules: the window, and one agent's share.
    """

    def __init__(self, database: Database, clock: Clock, rules: ReplayRules) -> None:
        self._database = database
        self._clock = clock
        self._rules = rules
        self._claim = _claim_sql(database.dialect)
        self._state = _state_sql(database.dialect)
        self._limit = SHARES_PER_SIZE * rules.nonce_cache_size
        self._shares = Shares(self._limit, clock, self._count)

    async def claim(self, nonce: Nonce) -> bool:
        await self._shares.take(nonce.scope)
        for _ in range(ATTEMPTS):
            if await self._insert(nonce):
                return True
            if await self._database.fetch(_KNOWN, nonce.scope, nonce.value):
                return False
            await self._clear_doubt(nonce)
        raise Failure(PART, f"{ATTEMPTS} attempts were disturbed by changes of the database")

    async def _insert(self, nonce: Nonce) -> bool:
        now = self._clock.now()
        # Two gateways may differ from the database by the tolerance, in either direction.
        keep_seconds = max(nonce.expires_at - now, 0.0) + 2 * CLOCK_TOLERANCE
        oldest = issued_at(nonce, now, self._rules)
        youngest = now + self._rules.future_skew if nonce.issued_at is None else nonce.issued_at
        rows = await self._database.fetch(
            self._claim, nonce.scope, nonce.value, keep_seconds, oldest, now, youngest
        )
        return bool(rows)

    async def _clear_doubt(self, nonce: Nonce) -> None:
        """Make sure that nothing speaks against a nonce that is not known and did not go in.

        Raises:
            Failure: the clocks cannot be trusted.
            TimestampOutOfWindow: the request is older than what is surely remembered.
        """
        now = self._clock.now()
        rows = await self._database.fetch(self._state, now)
        if not rows:
            await open_epoch(self._database, self._rules)
            return
        state = convert(rows[0], _State)
        if abs(state.ahead) > CLOCK_TOLERANCE:
            raise Failure(PART, f"the database's clock is ahead of ours by {state.ahead:.0f} s")
        if state.back > 0:
            raise Failure(PART, f"the database's clock went back by {state.back:.0f} s")
        if issued_at(nonce, now, self._rules) <= state.trusted_from:
            raise TimestampOutOfWindow(reason="older than what is surely remembered")

    async def _count(self, scope: str) -> int:
        rows = await self._database.fetch(_COUNT, scope, self._limit)
        return convert(rows[0]["live"], int)
