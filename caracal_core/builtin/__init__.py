"""Core's own plugins, on the same hooks as strangers'."""

from __future__ import annotations

from typing import Any

from caracal_core.builtin.ledger.plugin import ChargesPlugin
from caracal_core.builtin.meters import MetersPlugin
from caracal_core.builtin.observers.exchange_log import ExchangeLogPlugin
from caracal_core.builtin.observers.prometheus import PrometheusPlugin
from caracal_core.builtin.policies.plugin import PoliciesPlugin
from caracal_core.builtin.replay import ReplayPlugin
from caracal_core.builtin.routes.plugin import RoutesPlugin
from caracal_core.builtin.sightings.plugin import SightingsPlugin
from caracal_core.builtin.tariffs import TariffsPlugin
from caracal_core.builtin.upstreams.plugin import UpstreamsPlugin
from caracal_core.plugin import Plugin

BUILTINS: tuple[type[Plugin[Any]], ...] = (
    RoutesPlugin,
    ReplayPlugin,
    PoliciesPlugin,
    TariffsPlugin,
    MetersPlugin,
    ChargesPlugin,
    UpstreamsPlugin,
    PrometheusPlugin,
    ExchangeLogPlugin,
    SightingsPlugin,
)
"""Always enabled, after the operator's own; each says its name in its class attribute."""
