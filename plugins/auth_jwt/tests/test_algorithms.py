"""Every signature has one name for keys, and each kind of key is for its own signatures."""

import pytest

from caracal_auth_jwt.algorithms import ALGORITHMS, SECRET_ALGORITHM, is_for, signature

RIGHT = {
    ("RSA", None): {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"},
    ("EC", "P-256"): {"ES256"},
    ("EC", "P-384"): {"ES384"},
    ("EC", "P-521"): {"ES512"},
    ("OKP", "Ed25519"): {"Ed25519", "EdDSA"},
    ("EC", "secp256k1"): set(),
    ("OKP", "Ed448"): set(),
    ("OKP", "P-256"): set(),
    ("EC", "Ed25519"): set(),
    ("oct", None): set(),
    (None, None): set(),
    ("EC", None): set(),
}


@pytest.mark.parametrize(("kind", "curve"), RIGHT)
def test_each_kind_of_key_is_for_its_own_signatures(kind, curve):
    assert {name for name in (*ALGORITHMS, "HS256") if is_for(name, kind, curve)} == RIGHT[
        kind, curve
    ]


def test_a_curve_that_is_no_text_fits_nothing():
    assert not any(is_for(name, "EC", ["P-256"]) for name in ALGORITHMS)


def test_the_two_names_of_one_signature_are_one():
    assert signature("EdDSA") == signature("Ed25519") == "Ed25519"
    assert len({signature(name) for name in ALGORITHMS}) == len(ALGORITHMS) - 1


def test_a_shared_secret_is_no_public_key():
    assert SECRET_ALGORITHM == "HS256"
    assert not [name for name in ALGORITHMS if name.startswith("HS") or name.lower() == "none"]
