"""Only what the operator chose is imported, in the operator's order; all else stops the start."""

from __future__ import annotations

import sys

import pytest

from caracal_core.assembly.discovery import Unavailable, discover, installed, survey
from caracal_core.builtin import BUILTINS
from caracal_core.config.core import Selection
from caracal_core.errors import Misconfigured


def strangers(auth_mode=(), plugins=(), auth_trial=()):
    selection = Selection(auth_mode=auth_mode, plugins=plugins, auth_trial=auth_trial)
    chosen = discover(selection)
    return [plugin for plugin in chosen if not plugin.plugin_class.at_root]


def refusal(**selection):
    with pytest.raises(Misconfigured) as caught:
        strangers(**selection)
    return str(caught.value)


def test_a_chosen_plugin_is_imported_with_its_version(packages):
    packages.add("acme", version="1.2.0")
    (plugin,) = strangers(plugins=["acme"])
    assert (plugin.name, plugin.distribution, plugin.version) == ("acme", "acme", "1.2.0")
    assert plugin.plugin_class.__name__ == "ThePlugin"


def test_installed_is_not_enabled_and_never_imported(packages):
    packages.add("acme")
    packages.add("bomb", code="raise SystemExit('imported')")
    assert set(installed()) >= {"acme", "bomb", "auth_jwt"}
    strangers(plugins=["acme"])
    assert "acme_module" in sys.modules
    assert "bomb_module" not in sys.modules


def test_modes_come_first_in_their_order_then_plugins_in_theirs_then_the_built_ins(packages):
    for name in ("auth_b", "auth_a", "z", "y"):
        packages.add(name)
    chosen = discover(Selection(auth_mode="b,a", plugins="z,y"))
    names = [plugin.name for plugin in chosen]
    assert names == ["auth_b", "auth_a", "z", "y", *(each.name for each in BUILTINS)]


def test_the_built_ins_are_always_there():
    chosen = discover(Selection(auth_mode=[]))
    assert {plugin.distribution for plugin in chosen} == {"caracal-core"}
    assert all(plugin.version for plugin in chosen)


@pytest.mark.parametrize(
    ("mode", "name"),
    [("acme", "auth_acme"), ("api_token", "auth_apitoken"), ("apitoken", "auth_api_token")],
)
def test_underscores_within_a_mode_may_be_left_out(packages, mode, name):
    packages.add(name)
    assert strangers(auth_mode=mode)[0].name == name


def test_a_mode_that_two_plugins_could_serve_is_refused(packages):
    packages.add("auth_api_token")
    packages.add("auth_apitoken")
    assert "could be each of auth_api_token, auth_apitoken" in refusal(auth_mode="api_token")


@pytest.mark.parametrize(
    ("mode", "path"),
    [("mtls", "./plugins/auth_mtls"), ("api_key", "./plugins/auth_apikey")],
)
def test_a_mode_of_ours_that_is_not_installed_names_the_command_that_mends_it(
    monkeypatch, mode, path
):
    monkeypatch.setattr("caracal_core.assembly.discovery.entry_points", lambda group: ())
    assert refusal(auth_mode=mode) == (
        f"auth_mode: no installed plugin serves the mode {mode}. Install it: pip install {path}"
    )


def test_an_unknown_mode_names_the_nearest_and_all_installed(packages):
    packages.add("auth_acme")
    told = refusal(auth_mode="acmee")
    assert "no installed plugin serves the mode acmee. Did you mean acme? Installed modes" in told
    assert "jwt" in told


def test_an_unknown_plugin_names_the_nearest_and_all_installed(packages):
    packages.add("acme")
    told = refusal(plugins="acne")
    assert told.startswith("plugins: acne is not installed. Did you mean acme? Installed plugins:")
    assert "auth_jwt" in told


def test_a_plugin_of_ours_that_is_not_installed_names_the_command(monkeypatch):
    monkeypatch.setattr("caracal_core.assembly.discovery.entry_points", lambda group: ())
    assert refusal(plugins="mcp").endswith("pip install ./plugins/mcp")


def test_two_packages_that_offer_one_name_are_refused(packages):
    """The second may be there to be taken for the first."""
    packages.add("acme", distribution="acme")
    packages.add("acme", distribution="evil-acme")
    assert "plugin acme: more than one package offers it: acme, evil-acme" in refusal(
        plugins="acme"
    )


def test_a_shadow_of_what_is_not_chosen_stops_nothing(packages):
    packages.add("acme", distribution="acme")
    packages.add("acme", distribution="evil-acme")
    packages.add("other")
    assert strangers(plugins="other")


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("import no_such_module", "raised ModuleNotFoundError: No module named 'no_such_module'"),
        ("raise SystemExit(0)", "raised SystemExit"),
        ("x = 1", "raised AttributeError"),
        ("def broken(:", "raised SyntaxError"),
        ("ThePlugin = 3", "int is no subclass of caracal_core.plugin.Plugin"),
    ],
)
def test_what_cannot_be_imported_or_is_no_plugin_is_refused(packages, code, what):
    packages.add("acme", code=code)
    assert refusal(plugins="acme").startswith("plugin acme: ")
    assert what in refusal(plugins="acme")


def test_a_strangers_keys_may_not_stand_at_the_root(packages):
    packages.add(
        "acme",
        code="from caracal_core.plugin import Plugin\nclass ThePlugin(Plugin):\n at_root = True",
    )
    assert "its keys would stand at the root" in refusal(plugins="acme")


def test_a_pin_is_compared_before_anything_is_imported(packages):
    packages.add("acme", code="raise SystemExit('imported')", version="1.2.1")
    assert "pinned to version 1.2.0, but acme 1.2.1" in refusal(plugins="acme==1.2.0")
    assert "acme_module" not in sys.modules


def test_a_plugin_of_a_mode_may_be_pinned_and_keeps_its_place(packages):
    for name in ("auth_a", "auth_b"):
        packages.add(name)
    pinned = strangers(auth_mode="b,a", plugins="auth_a==1.0.0")
    assert [plugin.name for plugin in pinned] == ["auth_b", "auth_a"]
    assert "pinned to version 2" in refusal(auth_mode="b,a", plugins="auth_a==2")


def test_one_plugin_pinned_twice_is_refused(packages):
    packages.add("acme")
    assert refusal(plugins=["acme==1.0.0", "acme"]).startswith("plugins[1]: acme is listed twice")


def test_a_malformed_pin_is_refused_with_its_place():
    assert refusal(plugins=["acme>=1"]).startswith("plugins[0]: 'acme>=1' is not the name")


def test_every_plugin_that_cannot_be_had_is_told_at_once():
    told = refusal(auth_mode="nowhere,jwt", plugins="acne")
    assert [line.partition(":")[0] for line in told.splitlines()] == ["auth_mode", "plugins"]


def test_a_survey_gives_what_can_be_had_and_why_the_rest_cannot(packages):
    """In the order of the choice; a name that is chosen twice over stands once."""
    packages.add("acme")
    chosen = survey(Selection(auth_mode="no_where,jwt", plugins="acme,auth_no_where,acne"))
    assert [(each.name, isinstance(each, Unavailable)) for each in chosen][:4] == [
        ("auth_no_where", True),
        ("auth_jwt", False),
        ("acme", False),
        ("acne", True),
    ]


def test_a_mode_of_ours_that_is_missing_is_called_as_ours(monkeypatch):
    """So that its row in the list is the plugin's name, however the mode was written."""
    monkeypatch.setattr("caracal_core.assembly.discovery.entry_points", lambda group: ())
    names = [each.name for each in survey(Selection(auth_mode="api_key,mtls,else"))]
    assert names[:3] == ["auth_apikey", "auth_mtls", "auth_else"]


def test_modes_on_trial_come_behind_those_that_are_enabled_and_are_marked(packages):
    for name in ("auth_a", "auth_b", "z"):
        packages.add(name)
    chosen = discover(Selection(auth_mode="b", auth_trial="a", plugins="z,auth_a==1.0.0"))
    found = [(plugin.name, plugin.trial) for plugin in chosen if not plugin.plugin_class.at_root]
    assert found == [("auth_b", False), ("auth_a", True), ("z", False)]


def test_a_mode_on_trial_that_is_not_installed_names_its_key(packages):
    assert refusal(auth_trial=["acme"]).startswith("auth_trial: no installed plugin serves")


@pytest.mark.parametrize("spelling", ["api_token", "apitoken"])
def test_a_mode_cannot_be_enabled_and_on_trial(packages, spelling):
    packages.add("auth_apitoken")
    said = refusal(auth_mode=["api_token"], auth_trial=[spelling])
    assert said.startswith(f"auth_trial: {spelling} is enabled by auth_mode")
