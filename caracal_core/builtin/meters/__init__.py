"""Meters: what a reply did cost, read while it streams to the client."""

from caracal_core.builtin.meters.plugin import MetersPlugin

__all__ = ["MetersPlugin"]
