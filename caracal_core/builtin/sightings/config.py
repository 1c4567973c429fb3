"""For how long sightings are kept."""

from __future__ import annotations

from caracal_core.plugin import Config, setting


class SightingRules(Config):
    """The key ``sightings``."""

    keep_days: int = setting(
        90,
        description="Days for which it is remembered which kinds of credentials an agent showed.",
        ge=1,
        le=3650,
    )


class SightingsConfig(Config):
    """The plugin's keys at the root of ``caracal.yaml``."""

    sightings: SightingRules = setting(
        SightingRules(), description="What `caracal auth plan` goes by."
    )
