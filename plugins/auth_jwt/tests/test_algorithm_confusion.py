"""Case 17: whatever algorithm a token names or was signed with, only the configured one counts."""

import hashlib
import hmac
import itertools
import json
from base64 import urlsafe_b64decode

import pytest

from caracal_auth_jwt.algorithms import ALGORITHMS
from caracal_core.testing.fakes import FakeHttp

URL = "https://idp.example/jwks.json"
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
SAME = {"Ed25519", "EdDSA"}  # two names of one signature


def other_forms(issuer):
    """Return the public key in the other forms that a verifier could have it in."""
    jwk = issuer.key.as_dict(private=False)
    texts = [json.dumps(jwk), json.dumps(jwk, separators=(",", ":")), json.dumps({"keys": [jwk]})]
    numbers = [urlsafe_b64decode(f"{jwk[name]}==") for name in ("n", "x") if name in jwk]
    return [issuer.key.as_der(private=False), *(text.encode() for text in texts), *numbers]


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
@pytest.mark.parametrize("named", ["its own", "the configured"])
async def test_the_public_key_is_no_shared_secret(
    opened, every_issuer, encode, refused, algorithm, named
):
    """HMAC with the bytes of the public key, in any form that a verifier could have it."""
    authenticator = await opened(every_issuer)
    pem = every_issuer.public_pem
    alg = algorithm if named == "its own" else every_issuer.algorithm
    unsigned = every_issuer.token({"alg": alg}).rpartition(".")[0]
    for secret in (pem, pem.strip(), *other_forms(every_issuer), b""):
        digest = hmac.new(secret, unsigned.encode(), getattr(hashlib, f"sha{algorithm[2:]}"))
        assert refused(authenticator, f"{unsigned}.{encode(digest.digest())}")


NONE = ["".join(letters) for letters in itertools.product("nN", "oO", "nN", "eE")]


@pytest.mark.parametrize("name", [*NONE, "", None, " none", "none ", "n\u043ene", "\uff4e\uff4f"])
async def test_an_unsigned_token_proves_nobody(opened, every_issuer, refused, name):
    """alg none in every spelling, with and without a signature."""
    authenticator = await opened(every_issuer)
    unsigned, _, signature = every_issuer.token({"alg": name}).rpartition(".")
    for token in (f"{unsigned}.", f"{unsigned}.{signature}", f"{unsigned}.AA"):
        assert refused(authenticator, token)


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512", *NONE])
async def test_no_published_key_is_a_shared_secret_or_an_excuse(
    open_issuers, every_issuer, encode, refused, algorithm
):
    """The same by a JWK Set, where the issuer may use every public-key algorithm at once."""
    jwk = every_issuer.key.as_dict(private=False) | {"alg": every_issuer.algorithm, "kid": "k"}
    http = FakeHttp()
    http.put(URL, json.dumps({"keys": [jwk]}).encode())
    entry = {"audience": "caracal", "agents": "*", "algorithms": ALGORITHMS, "jwks_url": URL}
    authenticator = await open_issuers(entry, http=http)
    unsigned = every_issuer.token({"alg": algorithm, "kid": "k"}, aud="caracal").rpartition(".")[0]
    kind = getattr(hashlib, f"sha{algorithm[2:]}", hashlib.sha256)
    for secret in (every_issuer.public_pem, *other_forms(every_issuer), b""):
        digest = hmac.new(secret, unsigned.encode(), kind).digest()
        assert refused(authenticator, f"{unsigned}.{encode(digest)}")
    assert refused(authenticator, f"{unsigned}.")
    assert http.asked == [URL]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_of_a_published_set_each_key_verifies_its_own_algorithm_only(
    open_issuers, every_issuer, make_issuer, refused, ask, algorithm
):
    """Each pair of a key in the set and another algorithm that its kind could sign with."""
    key = every_issuer.key.as_dict(private=False) | {"alg": every_issuer.algorithm, "kid": "k"}
    http = FakeHttp()
    http.put(URL, json.dumps({"keys": [key]}).encode())
    entry = {"audience": "caracal", "agents": "*", "algorithms": ALGORITHMS, "jwks_url": URL}
    authenticator = await open_issuers(entry, http=http)
    other = make_issuer(algorithm)
    tokens = [
        other.token({"kid": "k", "alg": alg}, aud="caracal")
        for alg in (algorithm, every_issuer.algorithm)
    ]
    same = algorithm == every_issuer.algorithm or {algorithm, every_issuer.algorithm} == SAME
    for token in tokens:
        if same:
            assert ask(authenticator, f"Bearer {token}").id == "research-1"
        else:
            assert refused(authenticator, token)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_no_other_algorithm_passes(opened, every_issuer, make_issuer, refused, algorithm):
    """Rightly signed by another algorithm of the same kind of key, under either name."""
    if algorithm == every_issuer.algorithm:
        return
    authenticator, other = await opened(every_issuer), make_issuer(algorithm)
    assert refused(authenticator, other.token())
    disguised = other.token({"alg": every_issuer.algorithm})
    assert refused(authenticator, disguised) is ({algorithm, every_issuer.algorithm} != SAME)


async def test_the_twin_of_a_signature_proves_the_same_agent(opened, make_issuer, ask, encode):
    """Case 30: (r, n-s) verifies too, so nothing may be told apart by a token's bytes."""
    issuer = make_issuer("ES256")
    token = issuer.token(jti="1")
    unsigned, _, signature = token.rpartition(".")
    pair = urlsafe_b64decode(signature + "==")
    other = P256_ORDER - int.from_bytes(pair[32:], "big")
    twin = f"{unsigned}.{encode(pair[:32] + other.to_bytes(32, 'big'))}"
    authenticator = await opened(issuer)
    assert twin != token
    assert ask(authenticator, f"Bearer {twin}") == ask(authenticator, f"Bearer {token}")


async def test_a_re_encoded_signature_is_refused(opened, every_issuer, refused):
    """Case 30: padding, loose bits and the other alphabet make no second spelling of a token."""
    authenticator, token = await opened(every_issuer), every_issuer.token()
    for twin in (token + "=", token + "==", token.replace("-", "+").replace("_", "/")):
        assert twin == token or refused(authenticator, twin)
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for letter in last.replace(token[-1], ""):
        assert refused(authenticator, token[:-1] + letter)
