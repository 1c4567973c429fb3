"""What a plugin author starts from: strict configurations, frozen services, plain plugins."""

import pytest
from pydantic import ValidationError

from caracal_core.plugin import Config, Plugin, hookimpl, setting
from caracal_core.testing.fakes import a_services


class _Keys(Config):
    word: str = setting("hello", env="WORD", description="What it says.", max_length=5)
    level: float = setting(description="How loud.", ge=0)


def test_an_unknown_key_is_an_error():
    with pytest.raises(ValidationError, match="wrod"):
        _Keys.model_validate({"level": 1, "wrod": "hello"})


def test_values_never_change():
    keys = _Keys(level=1)
    with pytest.raises(ValidationError):
        keys.level = 2


def test_a_refusal_does_not_repeat_the_value():
    with pytest.raises(ValidationError) as caught:
        _Keys(level=1, word="secret-in-the-wrong-place")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("level", [float("nan"), float("inf"), "NaN", -1])
def test_numbers_are_numbers(level):
    with pytest.raises(ValidationError):
        _Keys(level=level)


def test_a_setting_without_a_default_is_required():
    with pytest.raises(ValidationError, match="level"):
        _Keys.model_validate({})


def test_a_setting_knows_its_names_in_the_configmap():
    class Keys(Config):
        one: str = setting("", env="ONE", description="One name.")
        two: str = setting("", env=("STRONG", "WEAK"), description="Two names.")
        three: str = setting("", description="No name.")

    extras = [field.json_schema_extra for field in Keys.model_fields.values()]
    assert extras == [{"env": ["ONE"]}, {"env": ["STRONG", "WEAK"]}, None]


def test_a_setting_is_described_in_the_schema():
    properties = _Keys.model_json_schema()["properties"]
    assert properties["word"]["description"] == "What it says."
    assert properties["word"]["maxLength"] == 5


def test_a_plugin_is_made_of_its_configuration():
    assert Plugin(Config()).config == Config()
    assert (Plugin.name, Plugin.at_root, Plugin.keeps_state) == ("", False, False)


def test_the_mark_is_put_on_the_method_itself():
    class Polite(Plugin[Config]):
        """Has one hook."""

        @hookimpl
        def policies(self, services):
            return ["polite"]

    assert Polite(Config()).policies(a_services()) == ["polite"]
    assert Polite.policies.caracal_impl


def test_services_are_lent_and_not_changed():
    services = a_services()
    with pytest.raises(AttributeError):
        services.clock = None
