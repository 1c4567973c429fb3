"""What the operator says about API keys: the section ``auth_apikey``."""

from __future__ import annotations

from typing import Literal

from caracal_core.plugin import Config, setting


class ApiKeyConfig(Config):
    """API keys that `caracal keys` issues."""

    fresh_seconds: float = setting(
        2.0,
        description="How long what the database said of a key is believed; 0 asks for every "
        "request. A revoked key is refused everywhere after so long.",
        ge=0,
        le=4,
    )
    remembered_keys: int = setting(
        10_000,
        description="How many keys are remembered for that long; a tenth as many unknown ids.",
        ge=10,
        le=1_000_000,
    )
    last_used: Literal["off", "hour", "day"] = setting(
        "hour",
        description="How precisely it is recorded when a key was last used.",
    )
