"""Minted tokens are what the authenticator accepts, and nothing is added behind the back."""

import json
from base64 import urlsafe_b64decode

import pytest

from caracal_auth_jwt.minting import mint


async def test_a_minted_token_proves_its_agent(opened, every_issuer, bearer):
    """Each algorithm, from the private PEM to the principal."""
    token = mint(every_issuer.private_pem, every_issuer.algorithm, every_issuer.claims())
    authenticator = await opened(every_issuer)
    assert (await authenticator.authenticate(bearer(token))).id == "research-1"


def test_the_claims_are_the_given_ones_and_the_header_says_jwt(issuer):
    """No times are made up: a test may want a token without an end."""
    header, claims, _ = mint(issuer.private_pem, "RS256", {"sub": "a"}).split(".")
    assert json.loads(urlsafe_b64decode(header + "==")) == {"typ": "JWT", "alg": "RS256"}
    assert json.loads(urlsafe_b64decode(claims + "==")) == {"sub": "a"}


@pytest.mark.parametrize("algorithm", ["HS256", "none", "", "ES256", "Ed25519", "RS111"])
def test_another_algorithm_than_the_keys_is_refused(issuer, algorithm):
    """An RSA key signs RS* and PS* only; nothing is signed with a shared secret."""
    with pytest.raises(ValueError, match=r"is no public-key algorithm|the key is none for"):
        mint(issuer.private_pem, algorithm, {"sub": "a"})
