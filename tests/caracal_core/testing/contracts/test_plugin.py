"""The plugin's contract: an honest one passes it, and each way to misbehave is caught."""

import asyncio
import contextlib
from pathlib import Path

import click
import pytest
from pydantic import BaseModel, ConfigDict

from caracal_core.plugin import Config, Plugin, hookimpl, setting
from caracal_core.ports import Endpoint, Migrations
from caracal_core.testing.contracts import PluginContract
from caracal_core.testing.contracts import plugin as contract
from caracal_core.testing.fakes import (
    TrivialFileReader,
    TrivialHealthCheck,
    TrivialPolicy,
    a_services,
    deny,
)


class _Keys(Config):
    greeting: str = setting("hello", description="What it says.", max_length=5)


class _Honest(Plugin[_Keys]):
    """Permits everything politely."""

    Config = _Keys

    @hookimpl
    def files(self, services):
        return [TrivialFileReader()]

    @hookimpl
    def policies(self, services):
        return [TrivialPolicy()]

    @hookimpl
    def lifespan(self, services):
        return contextlib.nullcontext()

    @hookimpl
    def health(self, services):
        return [TrivialHealthCheck()]

    @hookimpl
    def endpoints(self, services):
        async def page():
            return {"greeting": self.config.greeting}

        return [Endpoint("", page)]

    @hookimpl
    def commands(self, cli):
        cli.add_command(click.Command("greet", help="Say hello."))


class TestHonestPlugin(PluginContract):
    """The contract can be kept."""

    @pytest.fixture
    def plugin_class(self):
        return _Honest

    @pytest.fixture
    def bad_configs(self):
        return [{"greeting": "a secret that is too long"}, {"greeting": 1}]


class _Mute(Plugin[_Keys]):
    """Has no hook."""

    Config = _Keys


class _Undocumented(_Honest):
    __doc__ = None


class _Unmarked(_Honest):
    """Forgot the mark."""

    def tariff(self, services):
        return None


class _Misspelt(_Honest):
    """Marks what is no hook."""

    @hookimpl
    def policy(self, services):
        return None


class _Pushing(_Honest):
    """Wants to be first."""

    @hookimpl(tryfirst=True)
    def policies(self, services):
        return []


class _OpenKeys(BaseModel):
    model_config = ConfigDict(extra="allow")
    greeting: str = "hello"


class _Open(_Honest):
    """Takes any key, describes none, and repeats bad values."""

    Config = _OpenKeys


class _LooseKeys(Config):
    model_config = ConfigDict(hide_input_in_errors=False)
    greeting: str = setting("hello", description="What it says.")


class _Loose(_Honest):
    """Takes any greeting."""

    Config = _LooseKeys


class _TellingKeys(_LooseKeys):
    greeting: str = setting("hello", description="What it says.", max_length=5)


class _Telling(_Honest):
    """Repeats what it refuses."""

    Config = _TellingKeys


class _UnwritableKeys(Config):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    lock: asyncio.Lock | None = setting(None, description="Nobody can write this.")


class _Unwritable(_Honest):
    """Has a key that no file could hold."""

    Config = _UnwritableKeys


class _Eager(_Honest):
    """Asks the database while it is being built."""

    @hookimpl
    def policies(self, services):
        services.database.transact(None)
        return []


class _Junk(_Honest):
    """Gives what is no policy."""

    @hookimpl
    def policies(self, services):
        return [object()]


class _Once(_Honest):
    """Can be built once in a process."""

    built = 0

    @hookimpl
    def policies(self, services):
        type(self).built += 1
        return [TrivialPolicy()] * (2 - type(self).built)


class _Swallowing(_Honest):
    """Lets nothing out of its lifespan."""

    @hookimpl
    def lifespan(self, services):
        return _Suppress()


class _Suppress:
    async def __aenter__(self):
        return None

    async def __aexit__(self, *_):
        return True


class _Failing(_Honest):
    """Cannot be opened."""

    @hookimpl
    def lifespan(self, services):
        @contextlib.asynccontextmanager
        async def span():
            raise OSError
            yield

        return span()


class _Exclusive(_Honest):
    """Cannot be open twice."""

    open = False

    @hookimpl
    def lifespan(self, services):
        @contextlib.asynccontextmanager
        async def span():
            if _Exclusive.open:
                raise OSError
            _Exclusive.open = True
            try:
                yield
            finally:
                _Exclusive.open = False

        return span()


class _Restless(_Honest):
    """Takes an unchanged file for a changed one."""

    @hookimpl
    def files(self, services):
        class Reader:
            async def read(self):
                return True

        return [Reader()]


class _Twins(_Honest):
    """Has two checks of one name."""

    @hookimpl
    def health(self, services):
        return [TrivialHealthCheck(), TrivialHealthCheck(deny)]


class _Absolute(_Honest):
    """Wants a path of the whole port."""

    @hookimpl
    def endpoints(self, services):
        async def page():
            return object()

        return [Endpoint("/health", page)]


class _Curt(_Honest):
    """Has a command without a word on it."""

    @hookimpl
    def commands(self, cli):
        cli.add_command(click.Command("greet"))


class _Homeless(_Honest):
    """Has tables nowhere."""

    @hookimpl
    def migrations(self):
        return Migrations("test", "caracal_core.domain", str(Path("/nowhere/at/all")))


@pytest.mark.parametrize(
    ("plugin_class", "test"),
    [
        (_Unmarked, "test_the_house_accepts_the_class"),
        (_Misspelt, "test_the_house_accepts_the_class"),
        (_Pushing, "test_the_house_accepts_the_class"),
        (_Open, "test_the_house_accepts_the_class"),
        (_Mute, "test_it_implements_a_hook"),
        (_Undocumented, "test_it_says_what_it_is"),
        (_Open, "test_every_key_is_described"),
        (_Unwritable, "test_its_schema_can_be_written"),
        (_Open, "test_its_configuration_never_changes"),
        (_Open, "test_an_unknown_key_is_refused"),
        (_Loose, "test_a_bad_configuration_is_refused"),
        (_Telling, "test_a_refusal_does_not_repeat_the_value"),
        (_Eager, "test_its_hooks_give_parts"),
        (_Junk, "test_its_hooks_give_parts"),
        (_Once, "test_it_can_be_built_twice"),
        (_Failing, "test_it_opens_and_closes"),
        (_Exclusive, "test_two_generations_overlap"),
        (_Swallowing, "test_it_does_not_swallow_what_ends_the_house"),
        (_Restless, "test_its_files_can_be_read_before_it_opens"),
        (_Twins, "test_its_health_checks_answer"),
        (_Absolute, "test_its_pages_can_be_written"),
        (_Curt, "test_its_commands_explain_themselves"),
        (_Homeless, "test_its_tables_are_where_it_says"),
        (_Honest, "test_its_entry_point_leads_to_it"),
    ],
)
async def test_a_faulty_plugin_is_caught(fails, plugin_class, test):
    class Fixtures(dict):
        """Furnishes only where a test asks for it, as pytest would."""

        def __missing__(self, name):
            assert name == "furnishing"
            return contract._furnish(plugin_class, self["validated"], self["services"])

    def make():
        return Fixtures(
            plugin_class=plugin_class,
            config={},
            bad_configs=[{"greeting": "a secret that is too long"}],
            services=a_services(),
            entry_point="auth_jwt",
            validated=plugin_class.Config.model_validate({}),
        )

    assert await fails(PluginContract, test, make)
