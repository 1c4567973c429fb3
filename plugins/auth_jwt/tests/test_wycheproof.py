"""Wycheproof's tokens and keys: no invalid one passes, and each valid one refused has its reason.

Set CARACAL_VECTORS to a directory that holds ``wycheproof/json_web_*_test.json``.
"""

import json
import os
from pathlib import Path

import pytest
from joserfc.errors import JoseError
from joserfc.jwk import import_key

from caracal_auth_jwt.compact import parse
from caracal_auth_jwt.header import HeaderRules
from caracal_auth_jwt.keys import Unfit, VerifyingKey
from caracal_core.errors import Unauthenticated

VECTORS = Path(os.environ.get("CARACAL_VECTORS", "")) / "wycheproof"

pytestmark = [
    pytest.mark.skipif(
        not VECTORS.is_dir(), reason="CARACAL_VECTORS names no directory with wycheproof/ in it"
    ),
    pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning"),  # keys of 1024 bits
]

SHARED_SECRET = "HMAC: a gateway holds public keys only"
OTHER_ALGORITHM = "the key is for PS256 and the token is signed with PS384"
NO_ALGORITHM = "the key is for ES521, which is no algorithm (RFC 7518 has ES512)"

REFUSED = {
    "json_web_signature_test.json": {
        SHARED_SECRET: {1, 348, 352, 357, 358, 359, 372, 373, 376, 377},
        NO_ALGORITHM: {347, 351},
        OTHER_ALGORITHM: {346, 350},
    },
    "json_web_key_test.json": {SHARED_SECRET: {2, 13, 14, 15}},
    "json_web_crypto_test.json": {SHARED_SECRET: {1, 48}},
}
"""Valid by the vectors and refused here, and why."""


def vectors(name):
    """Give each signed token of a file with the keys that it may be verified with."""
    for group in json.loads((VECTORS / name).read_text())["testGroups"]:
        material = group.get("public") or group["private"]
        for test in group["tests"]:
            if "jws" in test:
                yield test, material.get("keys", [material])


def accepted(token, jwk):
    """Say whether the token passes with this key pinned, for what the key says it is for."""
    algorithm = jwk.get("alg") or {"RSA": "RS256", "EC": "ES256"}.get(jwk["kty"], "")
    try:
        key = VerifyingKey(import_key(jwk), algorithm)
        compact = parse(token if isinstance(token, str) else json.dumps(token), 65_536)
        HeaderRules(algorithm, frozenset({"jwt"}), accept_untyped=True).check(compact.header)
    except (Unauthenticated, Unfit, JoseError, ValueError):
        return False
    return key.verifies(compact.signing_input, compact.signature)


@pytest.mark.parametrize("name", REFUSED)
def test_no_invalid_one_passes_and_each_valid_one_refused_has_its_reason(name):
    """What passes is valid; what is valid and refused is in the list, and nothing else is."""
    refused = set()
    for test, keys in vectors(name):
        valid, passes = test["result"] == "valid", any(accepted(test["jws"], key) for key in keys)
        assert valid or not passes, (test["tcId"], test["comment"])
        if valid and not passes:
            refused.add(test["tcId"])
    assert refused == set().union(*REFUSED[name].values())


def test_the_tokens_that_pass_are_of_the_expected_algorithms():
    """The vectors reach RS, PS and ES256; the others have tests of their own."""
    reached = {
        key.get("alg")
        for test, keys in vectors("json_web_signature_test.json")
        for key in keys
        if accepted(test["jws"], key)
    }
    assert reached == {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256"}


def test_no_encrypted_token_is_looked_at():
    """A JWE, valid or not, has five parts, or is JSON."""
    groups = json.loads((VECTORS / "json_web_encryption_test.json").read_text())["testGroups"]
    tokens = [test["jwe"] for group in groups for test in group["tests"]]
    assert len(tokens) > 100
    for token in tokens:
        with pytest.raises(Unauthenticated):
            parse(token if isinstance(token, str) else json.dumps(token), 65_536)
