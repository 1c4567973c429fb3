"""Prices: what a call may cost, and by which version of a price."""

from caracal_core.builtin.tariffs.plugin import TariffsPlugin

__all__ = ["TariffsPlugin"]
