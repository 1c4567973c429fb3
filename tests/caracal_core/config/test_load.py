"""The whole configuration: which plugins first, then every key from every source, all faults."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from caracal_core.config.load import load
from caracal_core.config.problems import SeveralMisconfigured
from caracal_core.errors import Misconfigured
from caracal_core.plugin import Config, Plugin, setting


class AcmeConfig(Config):
    depth: int = setting(3, env="ACME_DEPTH", description="How deep.", ge=1)
    token: SecretStr = setting(SecretStr(""), env="ACME_TOKEN", description="Whisper it.")


class Acme(Plugin[AcmeConfig]):
    """Authenticates by digging."""

    Config = AcmeConfig


class RoutesConfig(Config):
    routes: list[dict[str, str]] = setting([], description="Routes.")


class Routes(Plugin[RoutesConfig]):
    Config = RoutesConfig
    at_root = True
    name = "routes"


ACME = {"AUTH_MODE": "acme"}


@pytest.fixture(scope="session")
def loaded(say, shelf):
    def loaded(yaml="", **sources):
        plugins = shelf(Routes, auth_acme=Acme, auth_jwt=Plugin, extra=Plugin)
        return load(say(yaml, **sources), plugins)

    return loaded


def test_core_sections_and_built_ins_come_validated(loaded):
    found = loaded("auth_acme: {depth: 7}\nroutes: [{id: a}]\n", environment=ACME)
    assert found.core.auth_mode == ("acme",)
    assert found.sections["auth_acme"].depth == 7
    assert found.sections["routes"].routes == [{"id": "a"}]
    assert [plugin.name for plugin in found.enabled] == ["auth_acme", "routes"]
    assert found.notes == ()


def test_the_choice_of_plugins_may_come_from_any_source(loaded):
    assert loaded("plugins: [extra]").enabled[1].name == "extra"
    assert loaded(settings={"PLUGINS": "extra"}).enabled[1].name == "extra"
    assert loaded(overrides={"plugins": "extra"}).enabled[1].name == "extra"


def test_every_value_has_an_origin(loaded):
    found = loaded(
        "log_level: ERROR\nauth_acme:\n  depth: 7\n",
        environment={**ACME, "LOG_LEVEL": "DEBUG"},
        settings={"ACME_TOKEN": "hunter2"},
    )
    assert found.origins["log_level"] == "environment LOG_LEVEL"
    assert found.origins["auth_acme.depth"] == "caracal.yaml line 3"
    assert found.origins["auth_acme.token"] == "/settings/ACME_TOKEN"
    assert found.origins["listen"] == "default"
    assert "hunter2" not in repr(found)


def test_all_faults_are_told_at_once(loaded):
    with pytest.raises(SeveralMisconfigured) as caught:
        loaded(
            "databse: {}\nauth_acme: {depth: 0, detph: 1}\nroutes: 3\n",
            environment={**ACME, "DB_NAME": "caracal", "LISTEN_ADDRESS": "nowhere"},
            settings={"LOG_LEVLE": "INFO"},
        )
    told = str(caught.value)
    places = ["databse", "auth_acme.depth", "auth_acme.detph", "routes", "DB_HOST", "listen"]
    assert all(f"\n{place}" in f"\n{told}" for place in [*places, "/settings/LOG_LEVLE"])
    assert len(caught.value.problems) == 7


def test_a_malformed_choice_of_plugins_is_told_first(loaded):
    with pytest.raises(Misconfigured, match=r"auth_mode \(caracal.yaml line 1\).*more than once"):
        loaded("auth_mode: [acme, acme]\ndatabse: {}\n")


def test_a_lost_database_host_is_refused_wherever_its_neighbours_stand(loaded):
    """One replica with an embedded store of its own would have a budget of its own."""
    for sources in (
        {"environment": {"DB_NAME": "caracal"}},
        {"settings": {"DB_PASSWORD": "hunter2"}},
        {"yaml": "database: {port: 5432}"},
        {"environment": {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}},
        {"environment": {"DB_HOST": "", "DB_NAME": "caracal"}},
    ):
        with pytest.raises(Misconfigured, match="DB_HOST: it is empty or absent"):
            loaded(**sources)


def test_a_database_host_from_any_source_will_do(loaded):
    for sources in (
        {"environment": {"DB_HOST": "db", "DB_NAME": "caracal"}},
        {"settings": {"DB_HOST": "db"}, "environment": {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}},
        {"yaml": "database: {host: db}", "environment": {"DB_NAME": "caracal"}},
        {"overrides": {"database.host": "db"}, "environment": {"DB_NAME": "caracal"}},
    ):
        assert loaded(**sources).core.database.host == "db"


def test_the_digest_is_the_effective_configurations(loaded):
    """Wherever the values came from, equal ones have an equal digest; other ones another."""
    yaml = loaded("log_level: DEBUG")
    assert yaml.digest == loaded(environment={"LOG_LEVEL": "debug"}).digest
    assert yaml.digest != loaded().digest
    assert loaded(environment=ACME).digest != loaded().digest
    one, two = ({**ACME, "ACME_TOKEN": token} for token in ("a", "b"))
    assert loaded(environment=one).digest != loaded(environment=two).digest


def test_sections_cannot_be_changed(loaded):
    with pytest.raises(TypeError):
        loaded().sections["routes"] = None


def test_the_root_key_of_a_section_may_stand_empty(loaded):
    assert loaded("auth_acme:\n", environment=ACME).sections["auth_acme"].depth == 3


def test_nothing_at_all_is_a_configuration(loaded):
    assert loaded().core.auth_mode == ("jwt",)


SOURCES = ("settings", "environment", "overrides")


@given(
    st.dictionaries(st.sampled_from(SOURCES), st.integers(1, 9).map(str), max_size=3),
    st.none() | st.integers(1, 9),
)
def test_precedence_holds_for_a_plugins_own_keys(loaded, numbers, yaml):
    """Command line over environment over settings directory over YAML over default."""
    sources = {source: {"ACME_DEPTH": number} for source, number in numbers.items()}
    sources["environment"] = {**ACME, **sources.get("environment", {})}
    text = "" if yaml is None else f"auth_acme: {{depth: {yaml}}}"
    strongest = [numbers[source] for source in SOURCES if source in numbers]
    expected = int(strongest[-1]) if strongest else yaml or 3
    assert loaded(text, **sources).sections["auth_acme"].depth == expected
