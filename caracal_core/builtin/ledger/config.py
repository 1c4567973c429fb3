"""The configuration of holds."""

from __future__ import annotations

from caracal_core.plugin import Config, setting


class ChargeRules(Config):
    """How long holds last, and who ends those that nobody does."""

    expiration: float = setting(
        300.0,
        env="PROVISIONAL_CHARGE_EXPIRATION",
        description="Seconds that a hold lasts unless the gateway that owns it renews it.",
        ge=1,
        le=86_400,
    )
    max_timeout: float = setting(
        60.0,
        env="PROVISIONAL_CHARGE_MAX_TIMEOUT",
        description="Minutes: the longest that a hold can be renewed.",
        ge=0.1,
        le=10_080,
    )
    cleanup_interval: float = setting(
        60.0,
        env="PROVISIONAL_CHARGE_CLEANUP_INTERVAL",
        description="Seconds between two rounds that resolve expired holds.",
        ge=0.1,
        le=86_400,
    )
    cleanup_batch_size: int = setting(
        1000,
        env="PROVISIONAL_CHARGE_CLEANUP_BATCH_SIZE",
        description="The most expired holds resolved in one transaction.",
        ge=1,
        le=10_000,
    )

    drain_timeout: float = setting(
        10.0,
        description="Seconds for which a metered reply is waited for and read on to learn its "
        "usage, once its client hung up; then the hold is posted, and marked.",
        ge=0,
        le=300,
    )
    drain_max_bytes: int = setting(
        2**20, description="The most bytes of it that are read on.", ge=0, le=2**30
    )
    drain_at_once: int = setting(
        128,
        description="The most such replies at the same time, half of them of one agent.",
        ge=0,
        le=10_000,
    )
    seal_interval: float = setting(
        5.0,
        description="Seconds between two rounds that seal what was entered in the ledger.",
        ge=0.1,
        le=86_400,
    )
    seal_batch_size: int = setting(
        2000,
        description="The most entries under one seal, which is made in one transaction.",
        ge=1,
        le=10_000,
    )
    checkpoint_interval: float = setting(
        3600.0,
        description="Seconds between two signed checkpoints of the sealed ledger.",
        ge=1,
        le=31_536_000,
    )

    @property
    def longest_seconds(self) -> float:
        """How old a hold may become."""
        return self.max_timeout * 60


class ChargesConfig(Config):
    """The root key of the built-in ledger."""

    charges: ChargeRules = setting(ChargeRules(), description="How holds expire and are resolved.")
