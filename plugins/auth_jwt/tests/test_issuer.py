"""One issuer's tokens: rules, key, signature, claims, in this order, with its present keys."""

import pytest

from caracal_auth_jwt.compact import parse
from caracal_auth_jwt.config import JwtConfig
from caracal_auth_jwt.issuer import Issuer, read_claims
from caracal_auth_jwt.key_set import KeySet, NamedKey
from caracal_auth_jwt.keys import VerifyingKey
from caracal_auth_jwt.terms import terms_of
from caracal_core.errors import Failure, Unauthenticated

NOW = 1_800_000_000
(TERMS,) = terms_of(JwtConfig())


class Source:
    """Has these keys, and others once somebody looked again."""

    def __init__(self, keys, later=None):
        self.keys, self.later, self.looked = keys, later, 0

    def current(self):
        if self.keys is None:
            raise Failure("auth_jwt authenticator", "none")
        return self.keys

    async def renewed(self):
        self.looked += 1
        self.keys, later = self.later or self.keys, self.later
        return later is not None


@pytest.fixture
def a_set(make_key):
    def make(*names):
        key = VerifyingKey(make_key("RSA"), "RS256")
        return KeySet([NamedKey(name, key) for name in names])

    return make


@pytest.fixture
def verify(issuer):
    async def verified(source, header=None, **claims):
        signed = parse(issuer.token(header, **claims), 8192)
        rules = TERMS.header_rules, TERMS.claim_rules
        return await Issuer(source, *rules).verify(signed, NOW)

    return verified


async def test_what_is_verified_says_with_which_keys(verify, a_set):
    source = Source(a_set("a"))
    verified = await verify(source, {"kid": "a"})
    assert verified.proof.principal.id == "research-1"
    assert verified.source is source
    assert verified.keys is source.keys


async def test_a_known_key_is_not_looked_for_again(verify, a_set):
    source = Source(a_set("a"))
    await verify(source, {"kid": "a"})
    await verify(source)
    assert source.looked == 0


async def test_an_unknown_key_is_looked_for_once(verify, a_set):
    source = Source(a_set("a"), later=a_set("a", "b"))
    verified = await verify(source, {"kid": "b"})
    assert verified.keys is source.keys
    assert source.looked == 1
    with pytest.raises(Unauthenticated) as caught:
        await verify(Source(a_set("a")), {"kid": "b"})
    assert caught.value.internal == "the token's key is none that its issuer has"


async def test_without_a_key_id_nothing_is_looked_for(verify):
    """What is not named cannot be unknown."""
    source = Source(KeySet(()))
    with pytest.raises(Unauthenticated):
        await verify(source)
    assert source.looked == 0


async def test_a_bad_header_is_refused_before_any_key_is_looked_for(verify, a_set):
    source = Source(a_set("a"), later=a_set("b"))
    for header in ({"kid": "../b"}, {"kid": "b", "alg": "PS256"}, {"kid": "b", "jku": "x"}):
        with pytest.raises(Unauthenticated):
            await verify(source, header)
    assert source.looked == 0


async def test_without_keys_it_is_a_failure_and_no_refusal(verify):
    """The token may be good: 503, so that its agent tries again."""
    with pytest.raises(Failure):
        await verify(Source(None))


async def test_a_token_of_another_kind_is_refused_though_well_signed(verify, a_set):
    """Case 20."""
    with pytest.raises(Unauthenticated, match="No valid credential"):
        await verify(Source(a_set("a")), at_hash="x")


def test_its_name_is_what_iss_must_be():
    assert Issuer(None, TERMS.header_rules, TERMS.named("i").claim_rules).name == "i"


def test_claims_are_one_strict_object(issuer):
    assert read_claims(parse(issuer.token(), 8192))["sub"] == "research-1"
    with pytest.raises(Unauthenticated):
        read_claims(parse(issuer.sign(b'{"alg":"RS256"}', b"[]"), 8192))
