"""Core's own plugins, on the same hooks as strangers'."""

from __future__ import annotations

from typing import Any

from caracal_core.plugin import Plugin

BUILTINS: tuple[type[Plugin[Any]], ...] = ()
"""Always enabled, after the operator's own; each says its name in its class attribute."""
