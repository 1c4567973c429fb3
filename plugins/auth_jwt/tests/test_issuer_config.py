"""One issuer, said completely and in one way; what contradicts itself is refused at the start."""

import pytest
from pydantic import ValidationError

from caracal_auth_jwt.issuer_config import IssuerConfig, bare_types

GOOD = {
    "issuer": "https://idp.example",
    "audience": "caracal",
    "algorithms": ["RS256"],
    "agents": ["research-*"],
    "jwks_url": "https://idp.example/jwks.json",
}


def without(*names, **more):
    return {name: value for name, value in GOOD.items() if name not in names} | more


def test_one_or_several_of_what_may_be_several():
    one = IssuerConfig(**GOOD | {"agents": "a"})
    several = IssuerConfig(**GOOD | {"audience": ["caracal", "b"], "agents": ["a", "b*"]})
    assert (one.audience, one.agents) == (("caracal",), ("a",))
    assert (several.audience, several.agents) == (("caracal", "b"), ("a", "b*"))


@pytest.mark.parametrize("name", ["audience", "algorithms", "agents"])
def test_what_limits_an_issuer_has_no_default(name):
    """Whoever trusts an issuer says for what."""
    for section in (without(name), GOOD | {name: []}):
        with pytest.raises(ValidationError, match=name):
            IssuerConfig(**section)


@pytest.mark.parametrize(
    "sources",
    [
        {},
        {"jwks_url": "https://a/", "jwks_file": "b"},
        {"public_key_file": "a", "secret_file": "b"},
    ],
)
def test_keys_come_from_one_place(sources):
    with pytest.raises(ValidationError, match="give exactly one of public_key_file"):
        IssuerConfig(**without("jwks_url", **sources))


@pytest.mark.parametrize("more", [{"ca_file": "a"}, {"allow_private": True}, {"allow_http": True}])
def test_what_is_said_of_a_url_needs_one(more):
    """Else it would look as if it did something."""
    assert IssuerConfig(**GOOD | more)
    with pytest.raises(ValidationError, match="belong to jwks_url"):
        IssuerConfig(**without("jwks_url", jwks_file="b", **more))


@pytest.mark.parametrize(
    ("section", "why"),
    [
        (GOOD | {"algorithms": ["HS256"]}, "HS256 needs a secret_file"),
        (GOOD | {"algorithms": ["RS256", "HS256"]}, "HS256 needs a secret_file"),
        (without("jwks_url", secret_file="s"), "a secret_file goes with"),
        (without("jwks_url", secret_file="s", algorithms=["RS256", "HS256"]), "goes with"),
        (
            without("jwks_url", public_key_file="p", algorithms=["RS256", "PS256"]),
            "good for one of the algorithms",
        ),
    ],
)
def test_secrets_and_public_keys_are_never_mixed(section, why):
    """Case 17: an algorithm can only ever meet its own kind of key."""
    with pytest.raises(ValidationError, match=why):
        IssuerConfig(**section)


def test_a_secret_goes_with_its_algorithm():
    assert IssuerConfig(**without("jwks_url", secret_file="s", algorithms=["HS256"]))


@pytest.mark.parametrize("algorithm", ["none", "HS384", "HS512", "ES256K", "rs256", "Ed448", ""])
def test_other_algorithms_do_not_exist(algorithm):
    with pytest.raises(ValidationError):
        IssuerConfig(**GOOD | {"algorithms": [algorithm]})


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": ""},
        {"audience": [""]},
        {"agents": ["a b"]},
        {"agents": ["research-[0-9]"]},
        {"agents": [""]},
        {"jwks_url": "ftp://idp.example/"},
        {"jwks_url": "idp.example"},
        {"jwks_url": "https://idp example/"},
        {"types": ["id_token"]},
        {"types": [""]},
        {"leeway_seconds": 301},
        {"max_lifetime_seconds": 0},
        {"required_claims": ["a"] * 17},
        {"jwks": "x"},
    ],
)
def test_values_out_of_range_and_unknown_keys_are_refused(change):
    with pytest.raises(ValidationError):
        IssuerConfig(**GOOD | change)


@pytest.mark.parametrize(
    "url",
    [
        "https://user:hunter2@idp.example/jwks.json",
        "https://hunter2@idp.example",
        "http://@idp.example/?hunter2",
    ],
)
def test_a_url_with_a_user_or_password_is_refused_and_not_repeated(url):
    """None would be sent, and `config show` would print it."""
    with pytest.raises(ValidationError, match="before @, and none is sent: take it out") as caught:
        IssuerConfig(**GOOD | {"jwks_url": url})
    assert caught.value.errors()[0]["loc"] == ("jwks_url",)
    assert "hunter2" not in str(caught.value)
    assert IssuerConfig(**GOOD | {"jwks_url": "https://idp.example/@a?b=c@d"})


def test_types_are_kept_as_they_are_compared():
    assert bare_types(["application/AT+JWT", "JWT"]) == ("at+jwt", "jwt")
    assert IssuerConfig(**GOOD | {"types": ["AT+JWT"]}).types == ("at+jwt",)
    assert IssuerConfig(**GOOD).types is None


def test_every_key_says_what_it_is():
    assert all(field.description for field in IssuerConfig.model_fields.values())
