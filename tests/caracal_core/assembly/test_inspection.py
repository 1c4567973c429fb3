"""A plugin's capabilities are the hooks it implements; what is no plain hook is refused."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
from pydantic import BaseModel

from caracal_core.assembly.inspection import HOOKS, check_class, hooks_of
from caracal_core.errors import Misconfigured
from caracal_core.plugin import Plugin, hookimpl


class Plain(Plugin):
    @hookimpl
    def observers(self, services):
        return ()

    @hookimpl
    def routers(self):
        return ()

    @hookimpl
    @asynccontextmanager
    async def lifespan(self, services):
        yield

    def something_else(self):
        return None


class Heir(Plain):
    @hookimpl
    def observers(self, services):
        return ()


def refusal(candidate):
    with pytest.raises(Misconfigured) as caught:
        check_class("acme", candidate)
    assert caught.value.where == "plugin acme"
    return str(caught.value)


def test_the_hooks_stand_in_the_order_of_a_request():
    assert HOOKS[:5] == ("files", "lifespan", "routers", "authenticators", "replay_guard")
    assert len(HOOKS) == 16


def test_capabilities_are_read_off_in_that_order():
    assert hooks_of(Plain) == ("lifespan", "routers", "observers")
    assert hooks_of(Plugin) == ()


@pytest.mark.parametrize("candidate", [Plain, Heir, Plugin])
def test_a_plain_plugin_passes(candidate):
    assert check_class("acme", candidate) is candidate


@pytest.mark.parametrize("candidate", [object, Plain(None), "acme", None, BaseModel])
def test_what_is_no_plugin_class_is_refused(candidate):
    assert "is no subclass of caracal_core.plugin.Plugin" in refusal(candidate)


def test_a_misspelt_hook_is_refused_with_the_nearest():
    class Misspelt(Plugin):
        @hookimpl
        def authenticator(self, services):
            return ()

    assert "authenticator is marked as a hook and is none" in refusal(Misspelt)
    assert refusal(Misspelt).endswith("Did you mean authenticators?")


def test_a_hook_that_is_like_no_other_is_refused_with_all():
    class Odd(Plugin):
        @hookimpl
        def xyz(self):
            return ()

    assert refusal(Odd).endswith(f"The hooks are: {', '.join(HOOKS)}.")


def test_a_hook_without_its_mark_is_refused():
    """It would be passed over in silence, and a gateway would miss a policy."""

    class Unmarked(Plugin):
        def policies(self, services):
            return ()

    class Forgetful(Plain):
        def observers(self, services):
            return ()

    assert "policies is a hook without its mark" in refusal(Unmarked)
    assert "observers is a hook without its mark" in refusal(Forgetful)


@pytest.mark.parametrize(
    "option",
    [
        {"tryfirst": True},
        {"trylast": True},
        {"wrapper": True},
        {"hookwrapper": True},
        {"optionalhook": True},
        {"specname": "policies"},
    ],
)
def test_a_say_in_the_order_is_refused(option):
    class Pushy(Plugin):
        @hookimpl(**option)
        def observers(self, services):
            yield

    assert f"observers asks for {next(iter(option))}" in refusal(Pushy)


def test_asynchronous_hooks_are_refused():
    class Late(Plugin):
        @hookimpl
        async def observers(self, services):
            return ()

    class Bare(Plugin):
        @hookimpl
        async def lifespan(self, services):
            yield

    assert "observers is asynchronous" in refusal(Late)
    assert refusal(Bare).endswith("a lifespan wants @asynccontextmanager.")


def test_an_argument_that_the_hook_does_not_have_is_refused():
    class Greedy(Plugin):
        @hookimpl
        def observers(self, services, everything):
            return ()

    assert "everything" in refusal(Greedy)


def test_a_configuration_that_would_take_unknown_keys_is_refused():
    class Loose(BaseModel):
        depth: int = 3

    class Acme(Plugin):
        Config = Loose

    class Wild(Plugin):
        Config = dict

    assert "would take unknown keys" in refusal(Acme)
    assert "its Config is no pydantic model" in refusal(Wild)
