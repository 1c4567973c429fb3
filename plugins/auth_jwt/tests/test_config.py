"""What the operator may say, and what is explained at the start rather than found out later."""

import pytest
from pydantic import ValidationError

from caracal_auth_jwt.algorithms import ALGORITHMS
from caracal_auth_jwt.config import JwtConfig


def test_the_defaults_are_the_deployments():
    """configuration.md fixes the algorithm, the path and the names of the ConfigMap's keys."""
    config = JwtConfig()
    assert str(config.public_key_path) == "/etc/caracal/tls/jwt_public.pem"
    assert config.algorithm == "RS256"
    assert (config.issuer, config.audience, config.agent_claim) == (None, None, None)
    schema = JwtConfig.model_json_schema()["properties"]
    assert {name: key["env"] for name, key in schema.items() if "env" in key} == {
        "public_key_path": ["JWT_PUBLIC_KEY_PATH"],
        "algorithm": ["JWT_ALGORITHM"],
        "issuer": ["JWT_ISSUER"],
        "audience": ["JWT_AUDIENCE"],
    }
    assert all(key["description"] for key in schema.values())


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_offered_algorithm_may_be_chosen(algorithm):
    """And the schema lists them for editors."""
    assert JwtConfig(algorithm=algorithm).algorithm == algorithm
    assert algorithm in JwtConfig.model_json_schema()["properties"]["algorithm"]["enum"]


@pytest.mark.parametrize(
    ("algorithm", "why"),
    [
        ("HS256", "signer's own secret"),
        ("HS512", "signer's own secret"),
        ("none", "unknown"),
        ("rs256", "unknown"),
        ("ES256K", "unknown"),
        ("Ed448", "unknown"),
        ("", "unknown"),
    ],
)
def test_other_algorithms_are_refused_with_a_reason(algorithm, why):
    """A gateway holds public keys only; and there is no spelling that switches proof off."""
    with pytest.raises(ValidationError, match=why):
        JwtConfig(algorithm=algorithm)


@pytest.mark.parametrize("value", [None, 256, ["RS256"], {"RS256": 1}])
def test_an_algorithm_is_one_name(value):
    """Neither a list nor nothing."""
    with pytest.raises(ValidationError):
        JwtConfig(algorithm=value)


@pytest.mark.parametrize(
    "types", [["id_token"], ["JWT", "dpop+jwt"], ["application/Logout+JWT"], ["secevent+jwt"], [""]]
)
def test_types_that_grant_no_access_cannot_be_accepted(types):
    """ID tokens, DPoP proofs, logout and event tokens are signed by the same keys."""
    with pytest.raises(ValidationError, match=r"grants no access|empty type"):
        JwtConfig(types=types)


def test_types_are_kept_as_they_are_compared():
    """Bare and in lower case, since media types have no letter case."""
    assert JwtConfig(types=["application/AT+JWT", "JWT"]).types == ("at+jwt", "jwt")


@pytest.mark.parametrize(
    "settings",
    [
        {"issuer": ""},
        {"audience": ""},
        {"agent_claim": ""},
        {"leeway_seconds": -1},
        {"leeway_seconds": 301},
        {"max_lifetime_seconds": 0},
        {"max_token_bytes": 10**6},
        {"max_lifetime_seconds": float("nan")},
        {"leeway_seconds": float("nan")},
        {"jwks_uri": "https://idp.example"},
        {"secret": "s"},
    ],
)
def test_values_out_of_range_and_unknown_keys_are_refused(settings):
    """An empty audience is no audience, and NaN is no limit."""
    with pytest.raises(ValidationError):
        JwtConfig(**settings)


ENTRY = {"audience": "a", "agents": "*", "algorithms": ["RS256"], "jwks_url": "https://a/"}


@pytest.mark.parametrize(
    "flat",
    [
        {"issuer": "i"},
        {"audience": "a"},
        {"algorithm": "ES256"},
        {"public_key_path": "/elsewhere.pem"},
    ],
)
def test_issuers_stand_in_one_place(flat):
    """What would be said twice, or not be used, is refused; the deployment's defaults are not."""
    with pytest.raises(ValidationError, match=f"issuers and {next(iter(flat))} are both set"):
        JwtConfig(issuers=[ENTRY], **flat)
    same = {"algorithm": "RS256", "public_key_path": "/etc/caracal/tls/jwt_public.pem"}
    assert len(JwtConfig(issuers=[ENTRY], **same).issuers) == 1


def test_of_several_issuers_each_has_a_name_of_its_own():
    """Else `iss` would not say whose rules hold."""
    one, two = ENTRY | {"issuer": "one"}, ENTRY | {"issuer": "two"}
    assert len(JwtConfig(issuers=[one, two]).issuers) == 2
    with pytest.raises(ValidationError, match="each needs its issuer"):
        JwtConfig(issuers=[one, ENTRY])
    with pytest.raises(ValidationError, match="two of them have the same issuer"):
        JwtConfig(issuers=[one, one])


@pytest.mark.parametrize(
    "pace",
    [
        {"jwks_refresh_min_seconds": 901},
        {"jwks_refresh_max_seconds": 59},
        {"jwks_ttl": 899},
        {"jwks_refresh_max_seconds": 20_000},
    ],
)
def test_keys_are_fetched_again_before_they_are_too_old(pace):
    with pytest.raises(ValidationError, match="must not fall"):
        JwtConfig(**pace)
