"""What auth_apikey proves on the embedded store holds on PostgreSQL: the very same tests again."""

import asyncio
import importlib.util
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from caracal_auth_apikey.migrations import MIGRATIONS
from caracal_core.storage.migrate import up

TESTS = Path(__file__).parents[2] / "plugins" / "auth_apikey" / "tests"
FILES = (
    "test_administration",
    "test_authenticator",
    "test_commands",
    "test_migrations",
    "test_models",
    "test_store",
    "test_usage",
)


def _load(name):
    """Import a file of the plugin's tests, which are no package."""
    spec = importlib.util.spec_from_file_location(f"auth_apikey_tests.{name}", TESTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return vars(module)


_SHARED = _load("conftest")
database, desk = _SHARED["database"], _SHARED["desk"]


@pytest.fixture(scope="session")
def template(postgresql):
    """A migrated database, to be copied."""
    with postgresql.database() as config:
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, up(config, [MIGRATIONS])).result()
        yield config.name


@pytest.fixture
def storage_config(postgresql, template):
    """A fresh, migrated database."""
    with postgresql.database(template) as config:
        yield config


@pytest.fixture
def environment(storage_config, storage_environment, tmp_path):
    """The database, and the keys that a deployment gives, as the environment of a process."""
    keys = tmp_path / "hash.key"
    keys.write_text("ab" * 32)
    return {**storage_environment(storage_config), "CARACAL_HASH_KEY_FILE": str(keys)}


def _again(name):
    """Return a file's tests and its own fixtures; contracts do not depend on the database."""
    fixtures = {"caracal", "issued", "listed"}
    return {
        key if key in fixtures else f"{key}__{name}": value
        for key, value in _load(name).items()
        if key.startswith("test_") or key in fixtures
    }


for _name in FILES:
    globals().update(_again(_name))
