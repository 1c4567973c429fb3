"""The hooks: every default answer is nothing, and pluggy knows exactly these names."""

import inspect

import pluggy
import pytest

from caracal_core.hooks import Hooks
from caracal_core.plugin import Config, Plugin
from caracal_core.testing.fakes import a_services

DEFAULTS = {
    "files": (),
    "routers": (),
    "authenticators": (),
    "replay_guard": None,
    "policies": (),
    "tariff": None,
    "meters": (),
    "ledger": None,
    "upstreams": {},
    "reply_filters": (),
    "observers": (),
    "health": (),
    "endpoints": (),
}


@pytest.mark.parametrize("hook", DEFAULTS)
def test_the_default_answer_is_nothing(hook):
    assert getattr(Hooks(), hook)(a_services()) == DEFAULTS[hook]


async def test_by_default_there_is_nothing_to_open():
    async with Hooks().lifespan(a_services()) as opened:
        assert opened is None


def test_by_default_there_are_no_commands_and_no_tables():
    assert Hooks().commands(None) is None
    assert Hooks().migrations() is None


def test_the_specification_is_what_pluggy_knows():
    manager = pluggy.PluginManager("caracal")
    manager.add_hookspecs(Hooks)
    public = [name for name, value in vars(Hooks).items() if inspect.isfunction(value)]
    assert [name for name in public if hasattr(manager.hook, name)] == public


def test_they_stand_in_the_order_a_gateway_meets_them():
    """The order of the file is the order of a reader."""
    first, *others = DEFAULTS
    assert [name for name in vars(Hooks) if name in DEFAULTS or name == "lifespan"] == [
        first,
        "lifespan",
        *others,
    ]


def test_a_plugin_that_implements_nothing_furnishes_nothing():
    """The base class inherits the specification, not an implementation of it."""
    manager = pluggy.PluginManager("caracal")
    manager.add_hookspecs(Hooks)
    manager.register(Plugin(Config()))
    assert manager.hook.policies(services=a_services()) == []
