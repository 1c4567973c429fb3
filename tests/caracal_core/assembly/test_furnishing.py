"""A plugin's hooks are called once, and what is no part is refused with its name."""

import sys

import pytest
from pydantic import Field

from caracal_core.assembly.furnishing import furnish
from caracal_core.errors import Misconfigured
from caracal_core.plugin import Config, Plugin, hookimpl
from caracal_core.testing.fakes.parts import (
    TrivialAuthenticator,
    TrivialLedger,
    TrivialPolicy,
    TrivialUpstream,
)
from caracal_core.testing.fakes.services import a_services


def furnished(plugin_class, config=None):
    return furnish("strange", plugin_class, config or Config(), a_services(), builtin=False)


class Modest(Plugin[Config]):
    """Brings nothing."""


class Generous(Plugin[Config]):
    """Brings a part of several kinds."""

    @hookimpl
    def policies(self, services):
        return [TrivialPolicy(), TrivialPolicy()]

    @hookimpl
    def upstreams(self, services):
        return {"u": TrivialUpstream()}

    @hookimpl
    def ledger(self):
        return TrivialLedger()


def test_a_plugin_that_brings_nothing_has_every_default():
    bare = furnished(Modest)
    assert (bare.routers, bare.ledger, dict(bare.upstreams), bare.plugin.name) == (
        (),
        None,
        {},
        "strange",
    )


async def test_a_plugin_without_a_lifespan_of_its_own_can_be_opened():
    async with furnished(Modest).lifespan():
        pass


def test_parts_are_collected_by_hook():
    rich = furnished(Generous)
    assert len(rich.policies) == 2
    assert list(rich.upstreams) == ["u"]
    assert isinstance(rich.ledger, TrivialLedger)


def test_a_hook_may_ask_for_fewer_arguments_than_the_specification_gives():
    assert furnished(Generous).ledger is not None


def plugin_with(hook, answer):
    """Make a plugin class whose one hook gives this."""

    def implementation(self, services):
        if isinstance(answer, BaseException):
            raise answer
        return answer

    return type("Odd", (Plugin,), {hook: hookimpl(implementation)})


class _NoVerb:
    scheme = "x"
    challenge = "X"
    headers = frozenset({"x-token"})


class _Undeclared:
    """Does not say in which fields it looks."""

    scheme = "x"
    challenge = "X"

    async def authenticate(self, request):
        return None


class _Raising(TrivialAuthenticator):
    """Has a property that breaks."""

    @property
    def headers(self):
        raise RuntimeError


class _Uncalled:
    """Could judge without being constructed, which nobody meant."""

    @classmethod
    async def decide(cls, access):
        return None


class _Unsigned:
    """Has a verb of which nobody can tell what it takes."""

    decide = dict


class _WrongVerb(TrivialAuthenticator):
    async def authenticate(self):
        return None


@pytest.mark.parametrize(
    ("hook", "answer", "said"),
    [
        ("policies", [object()], "which is no Policy"),
        ("policies", [TrivialPolicy], "which is no Policy"),
        ("policies", [_Uncalled], "which is no Policy"),
        ("policies", [_Unsigned()], "decide must take 1 arguments"),
        ("policies", 3, "int instead of a Iterable"),
        ("authenticators", [_NoVerb()], "which is no Authenticator"),
        ("authenticators", [_Undeclared()], "which is no Authenticator"),
        ("authenticators", [_WrongVerb()], "authenticate must take 1 arguments"),
        ("upstreams", [TrivialUpstream()], "list instead of a Mapping"),
        ("upstreams", {"u": object()}, "which is no Upstream"),
        ("ledger", object(), "which is no Ledger"),
        ("tariff", object(), "which is no Tariff"),
        ("endpoints", ["x"], "which is no Endpoint"),
        ("routers", RuntimeError("oh"), "raised RuntimeError: oh"),
        ("lifespan", RuntimeError("oh"), "raised RuntimeError: oh"),
        ("routers", SystemExit("oh"), "raised SystemExit: oh"),
    ],
)
def test_what_is_no_part_is_refused_by_plugin_and_hook(hook, answer, said):
    with pytest.raises(Misconfigured) as refusal:
        furnished(plugin_with(hook, answer))
    assert refusal.value.where == "plugin strange"
    assert hook in refusal.value.what
    assert said in refusal.value.what


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="properties are not asked any more")
def test_a_part_whose_property_raises_is_refused():
    with pytest.raises(
        Misconfigured, match=r"authenticators gave a _Raising.* raised RuntimeError"
    ):
        furnished(plugin_with("authenticators", [_Raising()]))


def exploding(error):
    """Make a plugin class that cannot be constructed."""

    class Explosive(Plugin[Config]):
        def __init__(self, config):
            raise error

    return Explosive


@pytest.mark.parametrize("error", [RuntimeError("boom"), SystemExit("boom")])
def test_a_constructor_that_raises_is_refused(error):
    with pytest.raises(Misconfigured, match=f"its constructor raised {type(error).__name__}"):
        furnished(exploding(error))


@pytest.mark.parametrize(
    "own", [Misconfigured("strange.key", "is odd", "Change it."), KeyboardInterrupt()]
)
@pytest.mark.parametrize("make", [exploding, lambda own: plugin_with("routers", own)])
def test_a_plugins_own_misconfigured_and_an_operators_interrupt_pass_as_they_are(make, own):
    with pytest.raises(type(own)) as passed:
        furnished(make(own))
    assert passed.value is own


def test_the_configuration_reaches_the_plugin():
    class Sized(Config):
        size: int = Field(3)

    class Measured(Plugin[Sized]):
        Config = Sized

    assert furnished(Measured, Sized(size=5)).config.size == 5
