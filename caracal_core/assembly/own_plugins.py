"""The project's own plugins: what can be said of each without importing it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

OURS: Mapping[str, str] = MappingProxyType(
    {name: f"./plugins/{name}" for name in ("auth_jwt", "auth_mtls", "auth_apikey", "mcp")}
)
"""Those that live in the project's own tree, and the paths they are installed from. They are
never installed by name: some of the names belong to strangers on the public index."""

_MODES: Mapping[str, str] = MappingProxyType({"auth_apikey": "api_key"})
_COMMANDS: Mapping[str, str] = MappingProxyType({"keys": "auth_apikey", "token": "auth_jwt"})


def mode_of(plugin: str) -> str:
    """Return how AUTH_MODE calls what an authentication plugin serves."""
    return _MODES.get(plugin, plugin.removeprefix("auth_"))


def plugin_of_command(command: str) -> str | None:
    """Return which of them brings a command, or None where none does."""
    return _COMMANDS.get(command)


def how_to_install(name: str) -> str | None:
    """Return how to install one of them; None for strangers' plugins."""
    return f"Install it: pip install {OURS[name]}" if name in OURS else None
