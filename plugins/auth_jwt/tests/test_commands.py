"""``caracal token mint`` makes tokens that the gateway accepts, or says why it would not."""

import asyncio
import json
import time
from base64 import urlsafe_b64decode

import click
import pytest
from click.testing import CliRunner

from caracal_auth_jwt.commands import token_commands
from caracal_auth_jwt.config import JwtConfig
from caracal_auth_jwt.plugin import JwtPlugin
from caracal_core.testing.fakes import FakeClock

FIRST, SECOND = "https://one.example", "https://two.example"
FLAT = {"issuer": FIRST, "audience": "caracal"}


def entry(issuer, **more):
    return {
        "issuer": issuer,
        "audience": ["caracal", "b"],
        "agents": ["research-*"],
        "algorithms": ["RS256", "ES256"],
        "jwks_file": "jwks.json",
    } | more


@pytest.fixture
def mint(tmp_path, make_key):
    """Run the command with a key; return its result."""

    def run(config, *arguments, kind="RSA", agent="research-1"):
        path = tmp_path / "key.pem"
        path.write_bytes(kind if isinstance(kind, bytes) else make_key(kind).as_pem(private=True))
        command = token_commands(JwtConfig(**config))
        return CliRunner().invoke(command, ["mint", agent, "--key", str(path), *arguments])

    return run


def parts(result):
    assert result.exit_code == 0, result.output
    assert result.stdout.count("\n") == 1
    header, claims, _ = result.stdout.strip().split(".")
    return [json.loads(urlsafe_b64decode(part + "==")) for part in (header, claims)]


def refusal(result, code):
    assert (result.exit_code, result.stdout) == (code, "")
    return result.stderr


async def test_a_minted_token_proves_its_agent(mint, bearer, open_issuers, make_key, tmp_path):
    """The command's output, alone and as it is, is what goes behind Bearer."""
    path = tmp_path / "public.pem"
    path.write_bytes(make_key("RSA").as_pem(private=False))
    only = entry(FIRST, algorithms=["RS256"], public_key_file=str(path), jwks_file=None)
    result = await asyncio.to_thread(mint, {"issuers": [only]})
    jwt = await open_issuers(only, clock=FakeClock(time.time()))
    assert (await jwt.authenticate(bearer(result.stdout.strip()))).id == "research-1"


def test_the_token_stands_alone_on_standard_output(mint):
    header, claims = parts(mint(FLAT, "--expires-in", "10m"))
    assert header == {"alg": "RS256", "typ": "JWT"}
    now = time.time()
    assert abs(claims["iat"] - now) < 60
    assert claims["exp"] - claims["iat"] == 600
    assert (claims["iss"], claims["aud"], claims["sub"]) == (FIRST, "caracal", "research-1")
    assert len(claims["jti"]) == 32


def test_two_tokens_are_never_the_same(mint):
    assert parts(mint(FLAT))[1]["jti"] != parts(mint(FLAT))[1]["jti"]


@pytest.mark.parametrize(
    ("algorithm", "kind"),
    [("PS512", "RSA"), ("ES256", "P-256"), ("ES512", "P-521"), ("EdDSA", "Ed25519")],
)
def test_the_key_signs_by_the_configured_algorithm(mint, algorithm, kind):
    assert parts(mint(FLAT | {"algorithm": algorithm}, kind=kind))[0]["alg"] == algorithm


def test_of_several_algorithms_the_one_that_fits_the_key_is_taken(mint):
    config = {"issuers": [entry(FIRST)]}
    assert parts(mint(config, kind="P-256"))[0]["alg"] == "ES256"
    assert parts(mint(config))[0]["alg"] == "RS256"
    assert "for RS256 or ES256" in refusal(mint(config, kind="Ed25519"), 1)


@pytest.mark.parametrize("content", [b"", b"garbage", b"-----BEGIN PRIVATE KEY-----\n"])
def test_what_is_no_private_key_is_said(mint, content):
    said = refusal(mint(FLAT, kind=content), 1)
    assert "is no private key" in said
    assert "garbage" not in said


def test_a_secret_mints_nothing(mint):
    config = {"issuers": [entry(FIRST, algorithms=["HS256"], jwks_file=None, secret_file="s")]}
    assert "is no private key" in refusal(mint(config), 1)


def test_what_is_given_counts_more_than_what_is_configured(mint):
    config = {"issuers": [entry(FIRST), entry(SECOND)]}
    result = mint(
        config, "--issuer", SECOND, "--audience", "b", "--kid", "k-1", "--claim", "scope=x"
    )
    header, claims = parts(result)
    assert header["kid"] == "k-1"
    assert (claims["iss"], claims["aud"], claims["scope"]) == (SECOND, "b", "x")
    assert parts(mint({}, "--issuer", SECOND))[1]["iss"] == SECOND
    assert "aud" not in parts(mint({}))[1]


def test_of_several_issuers_one_has_to_be_named(mint):
    config = {"issuers": [entry(FIRST), entry(SECOND)]}
    for arguments in ((), ("--issuer", "https://three.example")):
        assert f"{FIRST}, {SECOND}" in refusal(mint(config, *arguments), 2)
    assert FIRST in refusal(mint(FLAT, "--issuer", SECOND), 2)


def test_nothing_is_minted_that_would_be_refused(mint):
    """Too long a life, another's agent, no agent's name, another audience."""
    config = {"issuers": [entry(FIRST, max_lifetime_seconds=600)]}
    assert parts(mint(config, "--expires-in", "600"))
    assert "max_lifetime_seconds is 600" in refusal(mint(config, "--expires-in", "601"), 1)
    assert "max_lifetime_seconds" in refusal(mint(FLAT, "--expires-in", "2d"), 1)
    assert "may not prove" in refusal(mint(config, agent="finance-1"), 1)
    assert "may not prove" in refusal(mint(FLAT, agent="a b"), 1)
    assert "for one of caracal, b" in refusal(mint(config, "--audience", "c"), 1)


def test_the_agent_stands_where_the_issuer_names_it(mint):
    claims = parts(mint(FLAT | {"agent_claim": "client"}))[1]
    assert claims["client"] == "research-1"
    assert "sub" not in claims


@pytest.mark.parametrize(
    "arguments",
    [
        ["--expires-in", "0"],
        ["--expires-in", "-5"],
        ["--expires-in", "1e3"],
        ["--expires-in", "10 m"],
        ["--expires-in", "1w"],
        ["--claim", "scope"],
        ["--claim", "=x"],
        ["--claim", "exp=5"],
        ["--claim", "sub=root"],
        ["--claim", "iss=x"],
        ["--kid", "../../x"],
        ["--key", "/nowhere"],
    ],
)
def test_what_makes_no_sense_is_explained(mint, arguments):
    assert arguments[0] in refusal(mint(FLAT, *arguments), 2)


def test_an_id_may_be_chosen(mint):
    """For trying out what a second use does."""
    assert parts(mint(FLAT, "--claim", "jti=17"))[1]["jti"] == "17"


def test_the_plugin_adds_the_group():
    shelf = click.Group("caracal")
    JwtPlugin(JwtConfig()).commands(shelf)
    assert list(shelf.commands) == ["token"]
