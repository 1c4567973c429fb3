"""A key verifies by its one algorithm only, and weak or unfit keys never verify anything."""

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from caracal_auth_jwt.algorithms import ALGORITHMS
from caracal_auth_jwt.keys import Unfit, VerifyingKey


def kind(algorithm):
    return algorithm[:2] if algorithm[:2] in ("PS", "RS") else algorithm.replace("EdDSA", "Ed25519")


def fits(key, algorithm):
    try:
        VerifyingKey(key, algorithm)
    except Unfit:
        return False
    return True


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("other", ALGORITHMS)
def test_a_signature_verifies_by_the_algorithm_that_made_it_and_no_other(
    make_issuer, algorithm, other
):
    """The confusion matrix: of all pairs, only the same signature verifies."""
    key = make_issuer(other).key
    if not fits(key, algorithm):
        assert {kind(algorithm), kind(other)} != {"PS", "RS"}
        assert kind(algorithm) != kind(other)
        return
    signing_input, _, _ = make_issuer(other).token().rpartition(".")
    signature = VerifyingKey(key, other)._model.sign(signing_input.encode(), key)
    same = algorithm == other or kind(algorithm) == kind(other) == "Ed25519"
    assert VerifyingKey(key, algorithm).verifies(signing_input.encode(), signature) is same


@pytest.mark.parametrize("algorithm", ["HS256", "HS512", "none", "None", "ES256K", "Ed448", "RS1"])
def test_algorithms_that_are_not_offered_cannot_be_made(make_key, algorithm):
    """Not even code that asks for it gets a symmetric or absent signature."""
    for key in (make_key("RSA"), OctKey.import_key("a secret of thirty-two bytes, ok")):
        with pytest.raises(Unfit, match="cannot be used with"):
            VerifyingKey(key, algorithm)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_of_another_kind_is_unfit_and_the_mend_names_the_right_one(algorithm):
    """An RSA key for ES256, P-384 for ES256, Ed448 and X25519 for Ed25519, and so on."""
    for key in (OKPKey.generate_key("X25519"), OKPKey.generate_key("Ed448")):
        with pytest.raises(Unfit, match=f"is no key for {algorithm}") as caught:
            VerifyingKey(key, algorithm)
        assert "JWT_ALGORITHM" in caught.value.mend


@pytest.mark.parametrize("curve", ["P-256", "P-384", "P-521", "secp256k1"])
@pytest.mark.parametrize(
    ("algorithm", "right"), [("ES256", "P-256"), ("ES384", "P-384"), ("ES512", "P-521")]
)
def test_the_curve_must_be_the_algorithms(algorithm, right, curve):
    """RFC 7518 section 3.4 binds each to one curve."""
    assert fits(ECKey.generate_key(curve), algorithm) is (curve == right)


@pytest.mark.filterwarnings("ignore:Key size should be")
@pytest.mark.parametrize(("bits", "accepted"), [(1024, False), (2040, False), (2048, True)])
def test_short_rsa_keys_are_unfit(bits, accepted):
    """RFC 7518 section 3.3: 2048 bits or more."""
    assert fits(RSAKey.generate_key(bits), "RS256") is accepted


def test_monstrous_rsa_keys_are_unfit():
    """A key of 16384 bits would only make every request slow."""
    modulus = (1 << 16_383) + 1
    key = RSAKey.import_key(rsa.RSAPublicNumbers(65_537, modulus).public_key())
    with pytest.raises(Unfit, match="16384 bits"):
        VerifyingKey(key, "RS256")


def test_small_exponents_are_unfit(make_key):
    """An exponent of 3 invites forgeries where padding is checked loosely anywhere."""
    modulus = make_key("RSA").public_key.public_numbers().n
    key = RSAKey.import_key(rsa.RSAPublicNumbers(3, modulus).public_key())
    with pytest.raises(Unfit, match="exponent below 65537"):
        VerifyingKey(key, "RS256")


def test_keys_of_the_faulty_generator_are_unfit():
    """ROCA: such a key's private half can be computed from its public one."""
    modulus = 65_537**128  # any power of the generator bears the mark
    key = RSAKey.import_key(rsa.RSAPublicNumbers(65_537, modulus).public_key())
    with pytest.raises(Unfit, match="ROCA"):
        VerifyingKey(key, "RS256")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("size", [0, 1, 31, 63, 64, 65, 132, 256, 257, 100_000])
def test_a_signature_of_any_shape_is_answered_not_raised(make_issuer, algorithm, size):
    """Whatever bytes stand in for a signature, the answer is no."""
    key = VerifyingKey(make_issuer(algorithm).key, algorithm)
    for byte in (b"\x00", b"\xff", b"\x30"):
        assert key.verifies(b"a.b", byte * size) is False


def test_what_the_library_chokes_on_proves_nobody(make_key, monkeypatch):
    """Any error out of the cryptography is a no."""
    key = VerifyingKey(make_key("RSA"), "RS256")

    class Choking:
        def verify(self, *_):
            raise RecursionError

    monkeypatch.setattr(VerifyingKey, "_model", Choking())
    assert key.verifies(b"a.b", b"c") is False
