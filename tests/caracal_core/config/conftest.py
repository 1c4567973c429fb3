"""What the sources say, and plugins without packages, for the tests of the configuration."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pytest

from caracal_core.config.core import Selection
from caracal_core.config.enabled import Enabled
from caracal_core.config.sources import Snapshot
from caracal_core.plugin import Plugin


class Shelf:
    """Holds plugin classes by name; those that the operator chose are enabled."""

    def __init__(self, *builtins: type[Plugin[Any]], **strangers: type[Plugin[Any]]) -> None:
        self.builtins = builtins
        self.strangers = strangers

    def installed(self) -> Collection[str]:
        return self.strangers

    def discover(self, selection: Selection) -> tuple[Enabled, ...]:
        names = [*(f"auth_{mode}" for mode in selection.auth_mode), *selection.plugins]
        chosen = [(name, self.strangers[name]) for name in names]
        built_in = [(each.name, each) for each in self.builtins]
        return tuple(Enabled(name, each, "made-up", "1") for name, each in [*chosen, *built_in])

    def how_to_install(self, name: str) -> str | None:
        return "Install it: pip install ./plugins/auth_mtls" if name == "auth_mtls" else None


def say(
    yaml: str = "",
    environment: Mapping[str, str] | None = None,
    settings: Mapping[str, str] | None = None,
    overrides: Mapping[str, object] | None = None,
) -> Snapshot:
    return Snapshot(
        overrides or {},
        environment or {},
        settings or {},
        "/settings",
        yaml.encode() or None,
        "caracal.yaml",
    )


@pytest.fixture(scope="session", name="say")
def _say():
    """Make a snapshot from what each source says."""
    return say


@pytest.fixture(scope="session", name="shelf")
def _shelf():
    """The class of a source of plugins."""
    return Shelf
