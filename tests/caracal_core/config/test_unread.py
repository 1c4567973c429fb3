"""What nobody reads is an error where it may be a mistake, and a note where it is known."""

from __future__ import annotations

import pytest

from caracal_core.config.document import parse_document
from caracal_core.config.merge import merge
from caracal_core.config.schema import schema_of
from caracal_core.config.unread import unknown_keys, unused_keys
from caracal_core.plugin import Plugin


@pytest.fixture
def unread(say, shelf):
    def unread(yaml="", **sources):
        snapshot, schema = say(yaml, **sources), schema_of([])
        found = merge(snapshot, parse_document(yaml.encode(), "caracal.yaml"), schema.keys)
        problems = unknown_keys(snapshot, schema, found, shelf(acme=Plugin))
        notes = unused_keys(snapshot, schema, found)
        return [str(problem) for problem in problems], list(notes)

    return unread


def test_a_misspelt_root_key_is_refused_with_the_nearest(unread):
    problems, _ = unread("\ndatabse: {host: x}\n")
    assert problems == ["databse (caracal.yaml line 2): no such key. Did you mean database?"]


def test_a_misspelt_file_of_the_settings_directory_is_refused(unread):
    problems, _ = unread(settings={"DB_HSOT": "x"})
    assert problems == ["/settings/DB_HSOT: no such key. Did you mean DB_HOST?"]


def test_a_misspelt_key_of_the_command_line_is_refused(unread):
    problems, _ = unread(overrides={"database.hots": "x"})
    assert problems == ["command line database.hots: no such key. Did you mean database.host?"]


def test_the_environment_holds_whatever_it_likes(unread):
    """Kubernetes adds variables for every service, ours among them, and OpenSSL has its own."""
    names = (
        "CARACAL_GATEWAY_SERVICE_HOST",
        "CARACAL_GATEWAY_PORT_8443_TCP_ADDR",
        "DB_PORT_5432_TCP",
        "DB_SERVICE_PORT",
        "RDB_PORT",
        "DB1_HOST",
        "MTLS_CERT_FILE",
        "SSL_CERT_FILE",
        "HTTP_LISTEN_ADDRESS",
        "DB_URL",
        "DB",
    )
    assert unread(environment=dict.fromkeys(names, "x") | {"DB_HOSTS": ""}) == ([], [])


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("PROVISIONAL_CHARGE_MAX_TIMOUT", "PROVISIONAL_CHARGE_MAX_TIMEOUT"),
        ("DB_HSOT", "DB_HOST"),
        ("DB_PASSWORD_FILE", "DB_PASSWORD"),
        ("CARACAL_CONFIGS", "CARACAL_CONFIG"),
    ],
)
def test_a_variable_that_is_nearly_a_key_is_noted(unread, written, meant):
    said = f"environment {written} is no key of the configuration. Did you mean {meant}?"
    assert unread(environment={written: "x"}) == ([], [said])


def test_a_known_key_that_nothing_reads_is_noted(unread):
    """One ConfigMap serves gateways and adapters."""
    problems, notes = unread(
        settings={"MCP_SERVERS": "a:http://x"}, environment={"JWT_ALGORITHM": "RS256"}
    )
    assert problems == []
    assert notes == [
        "/settings/MCP_SERVERS has no effect: no enabled plugin reads it.",
        "environment JWT_ALGORITHM has no effect: no enabled plugin reads it.",
    ]


def test_a_section_of_an_installed_plugin_that_is_not_enabled_is_noted(unread):
    """AUTH_MODE may choose among the sections that the file holds."""
    problems, notes = unread("acme: {anything: goes}")
    assert problems == []
    assert notes == ["acme (caracal.yaml line 1) has no effect: the plugin is not enabled."]


def test_a_section_of_our_own_plugin_that_is_not_installed_says_how_to_install_it(unread):
    problems, _ = unread("auth_mtls: {}")
    assert problems == [
        (
            "auth_mtls (caracal.yaml line 1): the plugin is not installed. "
            "Install it: pip install ./plugins/auth_mtls, or remove the key."
        )
    ]


def test_the_structured_file_may_lie_beside_the_keys(unread):
    assert unread(settings={"caracal.yaml": "routes: []"}) == ([], [])
