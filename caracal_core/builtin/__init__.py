"""Core's own plugins, on the same hooks as strangers'."""

from __future__ import annotations

from typing import Any

from caracal_core.builtin.policies import PoliciesPlugin
from caracal_core.builtin.routes import RoutesPlugin
from caracal_core.builtin.tariffs import TariffsPlugin
from caracal_core.builtin.upstreams import UpstreamsPlugin
from caracal_core.plugin import Plugin

BUILTINS: tuple[type[Plugin[Any]], ...] = (
    RoutesPlugin,
    PoliciesPlugin,
    TariffsPlugin,
    UpstreamsPlugin,
)
"""Always enabled, after the operator's own; each says its name in its class attribute."""
