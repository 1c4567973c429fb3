"""A name that no credential can have is not revoked, and what is no name is not repeated."""

from __future__ import annotations

import json

import pytest

MODES = "jwt,api_key,mtls"
ISSUER = "https://idp.example"
STRANGE = """
from caracal_core.plugin import Plugin, hookimpl


class Badge:
    scheme, challenge, headers = "badge", "Badge", frozenset({"x-badge"})

    async def authenticate(self, request):
        return None


class ThePlugin(Plugin):
    @hookimpl
    def authenticators(self, services):
        return [Badge()]
"""


@pytest.fixture
def add(caracal, sqlite_config, storage_environment):
    """Revoke a credential of a scheme; expect an exit code, return what was printed."""

    def add(scheme, credential, *more, code=0, **environment):
        known = storage_environment(sqlite_config) | {"AUTH_MODE": MODES, "JWT_ISSUER": ISSUER}
        ended = caracal(
            *("revocations", "add", "--scheme", scheme, "--credential", credential, *more),
            environment=known | environment,
        )
        assert ended.returncode == code, ended.stderr
        listed = caracal("revocations", "list", "--json", environment=known)
        assert bool(json.loads(listed.stdout)) == (not code)
        return ended.stderr if code else ended.stdout

    return add


@pytest.mark.parametrize(
    ("scheme", "name"),
    [
        ("jwt", f"{ISSUER} 17"),
        ("jwt", f"sha256:{'0' * 64}"),
        ("api_key", "abcdefghij234567"),
        ("mtls", "0f" * 32),
    ],
)
def test_a_name_of_its_modes_form_is_revoked(add, scheme, name):
    assert name in add(scheme, name)


@pytest.mark.parametrize(
    ("scheme", "name", "form"),
    [
        ("jwt", "17", f"its issuer, which is {ISSUER}, a space and its jti"),
        ("jwt", f"{ISSUER}/ 17", "credential_id"),
        ("api_key", f"ck_abcdefghij234567_{'a' * 60}", "`caracal keys list` shows it"),
        ("api_key", "ABCDEFGHIJ234567", "16 characters of a-z and 2-7"),
        ("mtls", "0f:" * 31 + "0f", "`caracal certs show FILE` shows it"),
        ("mtls", "0F" * 32, "64 characters of 0-9 and a-f"),
    ],
)
def test_a_name_of_another_form_is_refused_with_the_right_form(add, scheme, name, form):
    """It would have revoked nothing, without a word."""
    said = add(scheme, name, code=2)
    assert form in said
    assert name not in said


def test_a_stranger_that_does_not_say_takes_every_name(add, packages):
    packages.add("auth_badge", code=STRANGE)
    known = {"PYTHONPATH": str(packages.directory), "AUTH_MODE": "badge"}
    assert "serial 1" in add("badge", "serial 1", **known)


def test_a_mode_that_is_not_enabled_is_named_by_trial(add):
    said = add("api_key", "abcdefghij234567", AUTH_MODE="jwt", code=1)
    assert "api_key is installed and not enabled" in said
    assert "--set auth_trial=api_key" in said
    add("api_key", "ABC", "--set", "auth_trial=api_key", AUTH_MODE="jwt", code=2)
    add("api_key", "abcdefghij234567", "--set", "auth_trial=api_key", AUTH_MODE="jwt")


def test_another_spelling_of_an_enabled_mode_is_told_the_right_one(add):
    assert "there are: api_key, jwt, mtls" in add("apikey", "abcdefghij234567", code=1)
