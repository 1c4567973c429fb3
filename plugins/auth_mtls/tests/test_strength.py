"""Keys and signatures by the book: what is broken or unusual is not believed."""

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa

from caracal_auth_mtls.strength import check_key, is_signed_well
from caracal_core.errors import Unauthenticated


@pytest.mark.parametrize(
    ("make", "good"),
    [
        (lambda: rsa.generate_private_key(65537, 1024), False),  # noqa: S505 - that is the point
        (lambda: rsa.generate_private_key(65537, 2047), False),  # noqa: S505 - that is the point
        (lambda: rsa.generate_private_key(65537, 2048), True),
        (lambda: ec.generate_private_key(ec.SECP256R1()), True),
        (lambda: ec.generate_private_key(ec.SECP384R1()), True),
        (lambda: ec.generate_private_key(ec.SECP521R1()), True),
        (lambda: ec.generate_private_key(ec.SECP256K1()), False),
        (lambda: ec.generate_private_key(ec.SECP224R1()), False),
        (ed25519.Ed25519PrivateKey.generate, True),
        (ed448.Ed448PrivateKey.generate, False),
        (lambda: dsa.generate_private_key(2048), False),
    ],
)
def test_keys(authority, make, good):
    certificate = authority.issue(cn="x", key=make()).certificate
    if good:
        check_key(certificate)
    else:
        with pytest.raises(Unauthenticated):
            check_key(certificate)


@pytest.mark.parametrize(
    ("option", "good"), [("-sha1", False), ("-sha256", True), ("-sha512", True)]
)
def test_signatures(by_openssl, option, good):
    assert is_signed_well(by_openssl(option).certificate) == good


def test_an_ed25519_authority_signs_well(make_authority):
    signer = make_authority(key=ed25519.Ed25519PrivateKey.generate())
    assert is_signed_well(signer.issue(cn="x").certificate)
    assert is_signed_well(signer.revocation_list())
