"""Case 17: whatever algorithm a token names or was signed with, only the configured one counts."""

import hashlib
import hmac
from base64 import urlsafe_b64decode

import pytest

from caracal_auth_jwt.algorithms import ALGORITHMS

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
SAME = {"Ed25519", "EdDSA"}  # two names of one signature


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
    for secret in (pem, pem.strip(), every_issuer.key.as_der(private=False), b""):
        digest = hmac.new(secret, unsigned.encode(), getattr(hashlib, f"sha{algorithm[2:]}"))
        assert refused(authenticator, f"{unsigned}.{encode(digest.digest())}")


@pytest.mark.parametrize("name", ["none", "None", "nOnE", "", None])
async def test_an_unsigned_token_proves_nobody(opened, every_issuer, refused, name):
    """alg none in every spelling, with and without a signature."""
    authenticator = await opened(every_issuer)
    unsigned, _, signature = every_issuer.token({"alg": name}).rpartition(".")
    for token in (f"{unsigned}.", unsigned, f"{unsigned}.{signature}", f"{unsigned}.AA"):
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
