"""An enabled plugin is a frozen fact, and discovery is a source of such."""

from __future__ import annotations

import pytest

from caracal_core.assembly import discovery
from caracal_core.config.enabled import Enabled, PluginSource
from caracal_core.plugin import Plugin


def test_it_never_changes():
    with pytest.raises(AttributeError):
        Enabled("acme", Plugin, "acme", "1").name = "other"


def test_discovery_is_a_source():
    source: PluginSource = discovery
    assert "auth_jwt" in source.installed()
    assert source.how_to_install("auth_mtls") == "Install it: pip install ./plugins/auth_mtls"
    assert source.how_to_install("acme") is None
