"""Wycheproof's tokens and keys: no invalid one passes, and each valid one refused has its reason.

Set CARACAL_VECTORS to a directory that holds ``wycheproof/json_web_*_test.json``.
"""

import json
import os
from base64 import urlsafe_b64decode
from pathlib import Path

import pytest

from caracal_auth_jwt import secret
from caracal_auth_jwt.algorithms import ALGORITHMS, SECRET_ALGORITHM
from caracal_auth_jwt.compact import parse
from caracal_auth_jwt.header import HeaderRules
from caracal_auth_jwt.jwks import load
from caracal_auth_jwt.key_set import PinnedKey
from caracal_auth_jwt.keys import Unfit
from caracal_core.errors import Unauthenticated

VECTORS = Path(os.environ.get("CARACAL_VECTORS", "")) / "wycheproof"

pytestmark = [
    pytest.mark.skipif(
        not VECTORS.is_dir(), reason="CARACAL_VECTORS names no directory with wycheproof/ in it"
    ),
    pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning"),  # keys of 1024 bits
]

OTHER_HMAC = "HS384 and HS512 are not offered"
WEAK_SECRET = "the secret is 32 bytes of zero"
SET_OF_SECRETS = "a secret stands in a file of its own, never in a published set"
OTHER_ALGORITHM = "the key is for PS256 and the token is signed with PS384"
NO_ALGORITHM = "the key is for ES521, which is no algorithm (RFC 7518 has ES512)"

REFUSED = {
    "json_web_signature_test.json": {
        WEAK_SECRET: {357, 358, 359, 372, 373, 376, 377},
        NO_ALGORITHM: {347, 351},
        OTHER_ALGORITHM: {346, 350},
    },
    "json_web_key_test.json": {OTHER_HMAC: {14, 15}, SET_OF_SECRETS: {2}},
    "json_web_crypto_test.json": {SET_OF_SECRETS: {48}},
}
"""Valid by the vectors and refused here, and why."""


def vectors(name):
    """Give each signed token of a file with the keys that it may be verified with."""
    for group in json.loads((VECTORS / name).read_text())["testGroups"]:
        material = group.get("public") or group["private"]
        for test in group["tests"]:
            if "jws" in test:
                yield test, material.get("keys", [material])


def accepted(token, jwks):
    """Say whether the token passes: with the set published, or its one secret in a file."""
    is_secret = [jwk.get("kty") for jwk in jwks] == ["oct"]
    algorithms = [SECRET_ALGORITHM] if is_secret else ALGORITHMS
    try:
        keys = shared(*jwks) if is_secret else published(jwks)
        compact = parse(token if isinstance(token, str) else json.dumps(token), 65_536)
        HeaderRules(frozenset(algorithms), frozenset({"jwt"}), True).check(compact.header)
    except (Unauthenticated, Unfit):
        return False
    found = keys.find(compact.header.get("kid"), compact.header["alg"])
    return any(key.verifies(compact.signing_input, compact.signature) for key in found)


def published(jwks):
    """Read a set as an issuer publishes it; keys without alg are for the usual one."""
    usual = {"RSA": "RS256", "EC": "ES256"}
    said = [{"alg": usual.get(jwk.get("kty"), "")} | jwk for jwk in jwks]
    return load(json.dumps({"keys": said}).encode(), ALGORITHMS)


def shared(jwk):
    """Read a secret as an operator puts it into a file, if it is one for HS256."""
    if (jwk.get("alg"), jwk.get("use")) != (SECRET_ALGORITHM, "sig"):
        raise Unfit("is for something else", "")
    return PinnedKey(secret.load(urlsafe_b64decode(jwk["k"] + "==")))


@pytest.mark.parametrize("name", REFUSED)
def test_no_invalid_one_passes_and_each_valid_one_refused_has_its_reason(name):
    """What passes is valid; what is valid and refused is in the list, and nothing else is."""
    refused = set()
    for test, keys in vectors(name):
        valid, passes = test["result"] == "valid", accepted(test["jws"], keys)
        assert valid or not passes, (test["tcId"], test["comment"])
        if valid and not passes:
            refused.add(test["tcId"])
    assert refused == set().union(*REFUSED[name].values())


def test_the_tokens_that_pass_are_of_the_expected_algorithms():
    """The vectors reach RS, PS, ES256 and HS256; the others have tests of their own."""
    reached = {
        parse(test["jws"], 65_536).header["alg"]
        for test, keys in vectors("json_web_signature_test.json")
        if accepted(test["jws"], keys)
    }
    assert reached == {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "HS256"}


def test_no_encrypted_token_is_looked_at():
    """A JWE, valid or not, has five parts, or is JSON."""
    groups = json.loads((VECTORS / "json_web_encryption_test.json").read_text())["testGroups"]
    tokens = [test["jwe"] for group in groups for test in group["tests"]]
    assert len(tokens) > 100
    for token in tokens:
        with pytest.raises(Unauthenticated):
            parse(token if isinstance(token, str) else json.dumps(token), 65_536)
