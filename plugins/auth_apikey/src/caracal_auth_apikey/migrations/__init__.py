"""The plugin's tables, step by step, as `caracal_core.storage.migrations` says."""

from pathlib import Path

from caracal_core.ports import Migrations

MIGRATIONS = Migrations("auth_apikey", "caracal_auth_apikey.models", str(Path(__file__).parent))
"""The history of the plugin's tables."""
