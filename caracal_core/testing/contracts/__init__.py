"""Contracts: the tests that every part of a kind must pass, the built-in ones included.

Subclass one in a test module under a name that begins with ``Test``, give it the fixtures
that its docstring asks for (asynchronous or not), and pytest finds the rest::

    class TestMyGuard(ReplayGuardContract):
        @pytest.fixture
        async def replay_guard(self):
            return MyGuard(...)

The tests are plain ``async def`` methods, so pytest needs a plugin that runs those and
asynchronous fixtures on one event loop without a marker: pytest-asyncio with
``asyncio_mode = "auto"``, anyio's with ``anyio_mode = "auto"`` (on asyncio), or pytest-sanic.
A fixture shares nothing with the tests through ``self``.
"""

import pytest

_FILES = (
    "authenticator",
    "ledger",
    "ledger_keys",
    "meter",
    "plugin",
    "policy",
    "replay_guard",
    "tariff",
    "upstream",
)
pytest.register_assert_rewrite(*(f"{__name__}.{name}" for name in _FILES))

from caracal_core.testing.contracts.authenticator import AuthenticatorContract  # noqa: E402 - rewritten first
from caracal_core.testing.contracts.ledger import LedgerContract  # noqa: E402 - rewritten first
from caracal_core.testing.contracts.ledger_keys import LedgerKeysContract  # noqa: E402 - rewritten first
from caracal_core.testing.contracts.meter import MeterContract  # noqa: E402 - rewritten first
from caracal_core.testing.contracts.plugin import PluginContract  # noqa: E402 - rewritten first
from caracal_core.testing.contracts.policy import PolicyContract  # noqa: E402 - rewritten first
from caracal_core.testing.contracts.replay_guard import ReplayGuardContract  # noqa: E402 - rewritten first
from caracal_core.testing.contracts.tariff import TariffContract  # noqa: E402 - rewritten first
from caracal_core.testing.contracts.upstream import UpstreamContract  # noqa: E402 - rewritten first

__all__ = [
    "AuthenticatorContract",
    "LedgerContract",
    "LedgerKeysContract",
    "MeterContract",
    "PluginContract",
    "PolicyContract",
    "ReplayGuardContract",
    "TariffContract",
    "UpstreamContract",
]
