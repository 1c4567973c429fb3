"""A file holds one public key, or the operator is told what it holds and what to do."""

import warnings

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import ECKey, OKPKey, RSAKey

from caracal_auth_jwt import pem
from caracal_auth_jwt.keys import Unfit


def test_the_key_of_every_algorithm_is_read(every_issuer):
    """SubjectPublicKeyInfo, as openssl writes it."""
    signing_input, _, _ = every_issuer.token().rpartition(".")
    assert not pem.load(every_issuer.public_pem, every_issuer.algorithm).verifies(
        signing_input.encode(), b"another signature"
    )


def test_an_rsa_key_in_its_old_form_is_read(make_key):
    """PKCS #1, which begins with BEGIN RSA PUBLIC KEY."""
    old = make_key("RSA").public_key.public_bytes(Encoding.PEM, PublicFormat.PKCS1)
    pem.load(old, "RS256")


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (RSAKey.generate_key(2048), "RS256"),
        (ECKey.generate_key("P-256"), "ES256"),
        (OKPKey.generate_key("Ed25519"), "EdDSA"),
    ],
    ids=["RSA", "EC", "OKP"],
)
@pytest.mark.parametrize("password", [None, "correct horse"])
def test_a_private_key_is_refused_even_beside_the_public_one(key, algorithm, password):
    """The gateway must not hold what signs; and the operator learns to replace the key."""
    private = key.as_pem(private=True, password=password)
    for content in (private, key.as_pem(private=False) + private):
        with pytest.raises(Unfit, match="holds a private key") as caught:
            pem.load(content, algorithm)
        assert "openssl pkey" in caught.value.mend
        assert "replace the key" in caught.value.mend


def test_a_certificate_is_refused_with_the_command_that_takes_its_key_out():
    """Its dates and names would be ignored."""
    with pytest.raises(Unfit, match="holds a certificate") as caught:
        pem.load(b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "RS256")
    assert "openssl x509" in caught.value.mend


def test_two_keys_are_refused(make_key):
    """Nothing says which of them is meant."""
    public = make_key("RSA").as_pem(private=False)
    with pytest.raises(Unfit, match="exactly one"):
        pem.load(public + public, "RS256")


@pytest.mark.parametrize("content", [b"", b"\n", b"hello", b"\x00" * 100, b"\x30\x82" * 50])
def test_what_is_no_pem_is_refused(content):
    """An empty file, text, or DER."""
    with pytest.raises(Unfit, match="exactly one PEM block"):
        pem.load(content, "RS256")


def test_a_broken_block_is_refused(make_key):
    """A file that was copied in part."""
    public = make_key("RSA").as_pem(private=False)
    for content in (public[:200], public.replace(b"MII", b"AAA", 1)):
        with pytest.raises(Unfit, match="no readable PEM public key"):
            pem.load(content, "RS256")


def test_a_file_that_is_too_large_is_refused(make_key):
    """No key needs 64 KiB."""
    with pytest.raises(Unfit, match="larger than 64 KiB"):
        pem.load(make_key("RSA").as_pem(private=False) + b"\n" * 65_536, "RS256")


@pytest.mark.parametrize("curve", ["X25519", "Ed448"])
def test_keys_that_sign_nothing_here_are_refused(curve):
    """Key agreement keys and Ed448 are no keys for EdDSA as it is offered."""
    with pytest.raises(Unfit, match="is no key for EdDSA"):
        pem.load(OKPKey.generate_key(curve).as_pem(private=False), "EdDSA")


def test_a_short_key_is_refused_without_a_warning_on_the_side():
    """The refusal says it; nothing is printed past the log."""
    public = rsa.generate_private_key(65_537, 1024).public_key()  # noqa: S505 - refused
    content = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with warnings.catch_warnings(action="error"), pytest.raises(Unfit, match="1024 bits"):
        pem.load(content, "RS256")


@pytest.mark.parametrize("curve", [ec.BrainpoolP256R1(), ec.SECP224R1()])
def test_a_curve_that_nobody_signs_with_here_is_refused_and_not_a_surprise(curve):
    public = ec.generate_private_key(curve).public_key()
    content = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(Unfit, match="is no key for ES256"):
        pem.load(content, "ES256")
