"""What a nonce is, in seconds and numbers."""

from __future__ import annotations

from typing import Literal

from caracal_core.plugin import Config, setting


class ReplayRules(Config):
    """The section ``replay``."""

    enabled: bool = setting(
        True,
        env="ENABLE_REPLAY_PROTECTION",
        description="Whether nonces are looked at; off, no route can require them.",
    )
    store: Literal["database", "memory"] = setting(
        "database",
        description="Where used nonces are kept; memory serves one process and forgets with it.",
    )
    nonce_cache_ttl: float = setting(
        300.0,
        env="NONCE_CACHE_TTL",
        description="Seconds a nonce is kept at least.",
        ge=1,
        le=7 * 86_400,
        allow_inf_nan=False,
    )
    nonce_cache_size: int = setting(
        100_000,
        env="NONCE_CACHE_SIZE",
        description="Nonces kept in memory; in the database, a tenth of one agent's share.",
        ge=1,
        le=10_000_000,
    )
    timestamp_window: float = setting(
        300.0,
        env="TIMESTAMP_WINDOW",
        description="Seconds that a request's timestamp may lie in the past.",
        ge=1,
        le=86_400,
        allow_inf_nan=False,
    )
    future_skew: float = setting(
        30.0,
        description="Seconds that a request's timestamp may lie ahead, for clocks that are fast.",
        ge=0,
        le=3_600,
        allow_inf_nan=False,
    )

    @property
    def nonce_seconds(self) -> float:
        """How long a nonce is kept: as long as its timestamp could be accepted, or longer."""
        return max(self.nonce_cache_ttl, self.timestamp_window + self.future_skew)


class ReplayConfig(Config):
    """The plugin's keys at the root of the file."""

    replay: ReplayRules = setting(ReplayRules(), description="Protection against replays.")
