"""The guard in the database: one claim wins among all replicas, and doubt is refused."""

import asyncio
import time

import pytest

from caracal_core.builtin.replay.config import ReplayRules
from caracal_core.builtin.replay.epochs import CLOCK_TOLERANCE, MARGIN_SECONDS, open_epoch, sweep
from caracal_core.builtin.replay.stored import SHARES_PER_SIZE, StoredReplayGuard
from caracal_core.domain import Nonce
from caracal_core.errors import Failure, TimestampOutOfWindow
from caracal_core.storage.database import open_database
from caracal_core.storage.migrate import up
from caracal_core.testing.contracts import ReplayGuardContract
from caracal_core.testing.fakes import FakeClock

RULES = ReplayRules()


@pytest.fixture
def clock():
    return FakeClock(time.time())


@pytest.fixture
def guard(database, clock):
    return StoredReplayGuard(database, clock, RULES)


def _nonce(clock, value="v", *, issued_at=None, scope="agent"):
    return Nonce(scope, value, clock.now() + RULES.nonce_seconds, issued_at)


class TestContract(ReplayGuardContract):
    @pytest.fixture
    def replay_guard(self, database, now):
        return StoredReplayGuard(database, FakeClock(now), ReplayRules(nonce_cache_size=20))

    @pytest.fixture
    async def replica(self, storage_config, now):
        async with open_database(storage_config) as database:
            yield StoredReplayGuard(database, FakeClock(now), ReplayRules(nonce_cache_size=20))


async def test_of_fifty_parallel_claims_at_two_replicas_one_is_true(storage_config, clock):
    """Each replica has a pool of its own."""
    async with open_database(storage_config) as one, open_database(storage_config) as two:
        guards = [StoredReplayGuard(database, clock, RULES) for database in (one, two)] * 25
        for value in ("cold", "warm"):
            claims = await asyncio.gather(*(g.claim(_nonce(clock, value)) for g in guards))
            assert claims.count(True) == 1
            assert claims.count(False) == 49


async def test_a_used_nonce_stays_used_when_every_gateway_restarts(storage_config, clock):
    for expected in (True, False):
        async with open_database(storage_config) as database:
            guard = StoredReplayGuard(database, clock, RULES)
            assert await guard.claim(_nonce(clock)) is expected


async def test_a_used_nonce_survives_a_killed_server(mortal_postgresql, clock):
    mortal_postgresql.sql("CREATE DATABASE store OWNER caracal")
    config = mortal_postgresql.config("store")
    await up(config)
    async with open_database(config) as database:
        guard = StoredReplayGuard(database, clock, RULES)
        assert await guard.claim(_nonce(clock))
        await asyncio.to_thread(mortal_postgresql.kill)
        with pytest.raises(Failure):
            await guard.claim(_nonce(clock))
        await asyncio.to_thread(mortal_postgresql.start)
        assert await guard.claim(_nonce(clock)) is False
        assert await guard.claim(_nonce(clock, "fresh")) is True


@pytest.mark.parametrize("minutes", [-10, 10])
async def test_a_gateway_whose_clock_is_wrong_refuses(guard, clock, minutes):
    clock.set(time.time() + minutes * 60)
    with pytest.raises(Failure, match=r"the database's clock is ahead of ours by -?[56]"):
        await guard.claim(_nonce(clock))


async def test_a_clock_within_the_tolerance_is_accepted(guard, clock):
    for number, seconds in enumerate((CLOCK_TOLERANCE - 5, 5 - CLOCK_TOLERANCE)):
        clock.set(time.time() + seconds)
        assert await guard.claim(_nonce(clock, str(number)))


async def test_a_replay_is_called_so_even_while_the_clock_is_wrong(guard, clock):
    await guard.claim(_nonce(clock))
    clock.set(time.time() + 600)
    assert await guard.claim(_nonce(clock)) is False


async def test_a_database_whose_clock_went_back_refuses(guard, clock, database):
    """What expired before may be gone, and would be believed again."""
    await guard.claim(_nonce(clock, "first"))
    await database.execute("UPDATE replay_epochs SET swept_until = $1", time.time() + 500)
    with pytest.raises(Failure, match=r"clock went back by [45]"):
        await guard.claim(_nonce(clock, "second"))


async def test_sweeping_never_makes_a_believable_nonce_fresh(guard, clock, database):
    """As long as a timestamp may be believed by any gateway, its nonce is there."""
    await guard.claim(_nonce(clock))
    (row,) = await database.fetch("SELECT expires_at FROM nonces")
    longest = RULES.timestamp_window + RULES.future_skew + 2 * CLOCK_TOLERANCE
    assert row["expires_at"] > time.time() + longest - 5
    await database.execute("UPDATE nonces SET expires_at = $1", time.time() - MARGIN_SECONDS + 10)
    await sweep(database)
    assert await guard.claim(_nonce(clock)) is False


async def _forget(database):
    """Remove every nonce as if it had expired long ago."""
    await database.execute("UPDATE nonces SET expires_at = $1", time.time() - MARGIN_SECONDS - 10)
    assert await sweep(database)


@pytest.mark.parametrize("issued", [None, -150])
async def test_a_wider_window_does_not_revive_what_a_narrower_one_forgot(
    storage_config, clock, issued
):
    """After a restart with another window, and beside a gateway that still has the old one."""
    narrow = ReplayRules(timestamp_window=1, nonce_cache_ttl=1, future_skew=0)
    issued_at = issued and clock.now() + issued
    async with open_database(storage_config) as database:
        guard = StoredReplayGuard(database, clock, narrow)
        assert await guard.claim(_nonce(clock, issued_at=issued_at))
        await _forget(database)
    async with open_database(storage_config) as database:
        guard = StoredReplayGuard(database, clock, RULES)
        with pytest.raises(TimestampOutOfWindow):
            await guard.claim(_nonce(clock, issued_at=issued_at))
        assert await guard.claim(_nonce(clock, "fresh", issued_at=clock.now() + 1))


async def test_nothing_as_old_as_what_was_forgotten_is_believed_until_it_is_too_old_anyway(
    guard, clock, database
):
    """The youngest of what was forgotten decides; a later sweep of older ones changes nothing."""
    now = clock.now()
    for number, age in enumerate((200, 150, 180)):
        await guard.claim(_nonce(clock, str(number), issued_at=now - age))
    await _forget(database)
    await open_epoch(database, RULES)
    for age in (250, 150):
        with pytest.raises(TimestampOutOfWindow):
            await guard.claim(_nonce(clock, "new", issued_at=now - age))
    assert await guard.claim(_nonce(clock, "new", issued_at=now - 149))


async def test_after_a_failover_older_timestamps_are_refused(guard, clock, database):
    """What the old primary accepted last may not have reached the new one."""
    await database.execute("INSERT INTO replay_epochs VALUES ('the old timeline', 0, 0)")
    now = clock.now()
    safe = now + RULES.future_skew + CLOCK_TOLERANCE + 5
    for number, issued_at in enumerate((None, now - 200, now, now + RULES.future_skew)):
        with pytest.raises(TimestampOutOfWindow):
            await guard.claim(_nonce(clock, str(number), issued_at=issued_at))
    assert await guard.claim(_nonce(clock, "safe", issued_at=safe))


async def test_a_promoted_server_forgets_no_caution(mortal_postgresql, clock):
    """The same on a real change of timeline, with no sweeping task to notice it."""
    mortal_postgresql.sql("CREATE DATABASE store OWNER caracal")
    config = mortal_postgresql.config("store")
    await up(config)
    async with open_database(config) as database:
        guard = StoredReplayGuard(database, clock, RULES)
        assert await guard.claim(_nonce(clock, "before", issued_at=clock.now()))
    await asyncio.to_thread(mortal_postgresql.promote)
    async with open_database(config) as database:
        guard = StoredReplayGuard(database, clock, RULES)
        assert await guard.claim(_nonce(clock, "before", issued_at=clock.now())) is False
        with pytest.raises(TimestampOutOfWindow):
            await guard.claim(_nonce(clock, "lost?", issued_at=clock.now()))


async def test_one_agents_flood_fills_its_own_share_only(database, clock):
    guard = StoredReplayGuard(database, clock, ReplayRules(nonce_cache_size=1))
    for number in range(SHARES_PER_SIZE):
        assert await guard.claim(_nonce(clock, str(number)))
    with pytest.raises(Failure, match="share"):
        await guard.claim(_nonce(clock, "more"))
    assert await guard.claim(_nonce(clock, "0", scope="other"))
    assert len(await database.fetch("SELECT * FROM nonces WHERE scope = 'agent'")) == 10


async def test_a_share_has_room_again_after_the_sweep(database, clock):
    await open_epoch(database, RULES)
    guard = StoredReplayGuard(database, clock, ReplayRules(nonce_cache_size=1))
    for number in range(SHARES_PER_SIZE):
        await guard.claim(_nonce(clock, str(number), issued_at=clock.now() - 300))
    await database.execute("UPDATE nonces SET expires_at = 0")
    await sweep(database)
    clock.advance(1)
    assert await guard.claim(_nonce(clock, "more"))


async def test_a_store_that_is_down_is_a_failure(storage_config, clock):
    async with open_database(storage_config) as database:
        guard = StoredReplayGuard(database, clock, RULES)
    with pytest.raises(Failure):
        await guard.claim(_nonce(clock))


async def test_a_blank_store_is_a_failure(blank_config, clock):
    async with open_database(blank_config) as database:
        with pytest.raises(Failure, match=r"replay_epochs|nonces"):
            await StoredReplayGuard(database, clock, RULES).claim(_nonce(clock))
