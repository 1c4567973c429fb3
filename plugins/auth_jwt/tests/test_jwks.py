"""Of a JWK Set only what is fit verifies anything, each key by its one algorithm."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from caracal_auth_jwt.algorithms import ALGORITHMS
from caracal_auth_jwt.jwks import BYTES_MAX, KEYS_MAX, load
from caracal_auth_jwt.key_set import KeySet
from caracal_auth_jwt.keys import Unfit

pytestmark = pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")


@pytest.fixture
def public(make_key):
    """Return the public JWK of a kind, with changes; None leaves a member out."""

    def jwk(kind="RSA", **changes):
        members = make_key(kind).as_dict(private=False) | changes
        members.pop("kid", None) if "kid" not in changes else None
        return {name: value for name, value in members.items() if value is not None}

    return jwk


def a_set(*keys):
    return json.dumps({"keys": keys}).encode()


def unfit(content, algorithms=("RS256",)):
    with pytest.raises(Unfit) as caught:
        load(content, algorithms)
    assert caught.value.mend
    return caught.value.what


def test_a_key_of_every_algorithm_verifies(every_issuer):
    """From the published set to a verified signature."""
    algorithm = every_issuer.algorithm
    jwk = every_issuer.key.as_dict(private=False) | {"kid": "k", "alg": algorithm, "use": "sig"}
    keys = load(a_set(jwk), [algorithm])
    signing_input = b"a.b"
    signature = every_issuer.sign_parts("a.b").rpartition(".")[2]
    (key,) = keys.find("k", algorithm)
    assert key.verifies(signing_input, every_issuer.decoded(signature))
    assert not key.verifies(b"a.c", every_issuer.decoded(signature))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("kind", ["RSA", "P-256", "P-384", "P-521", "Ed25519"])
def test_a_key_that_names_another_kinds_algorithm_is_left_out(public, kind, algorithm):
    """The confusion matrix of JWKs: alg, kty and crv have to agree."""
    right = {"RSA": ("RS", "PS"), "P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
    fits = algorithm.startswith(right.get(kind, "Ed"))
    content = a_set(public(kind, alg=algorithm))
    if fits:
        assert load(content, ALGORITHMS).find(None, algorithm)
    else:
        assert "is no key for" in unfit(content, ALGORITHMS)


def test_the_keys_own_algorithm_decides_and_not_the_tokens(public):
    """An RSA key for RS256 is none for PS256, though both are the issuer's."""
    keys = load(a_set(public(alg="RS256", kid="k")), ["RS256", "PS256"])
    assert keys.find("k", "RS256")
    assert not keys.find("k", "PS256")


def test_a_key_without_alg_takes_the_one_algorithm_that_fits_it(public):
    algorithms = ["PS256", "ES256", "Ed25519", "EdDSA"]
    keys = load(a_set(public("RSA"), public("P-256"), public("Ed25519")), algorithms)
    assert [len(keys.find(None, name)) for name in algorithms] == [1, 1, 1, 1]
    assert "several of the issuer's algorithms" in unfit(a_set(public()), ["RS256", "PS256"])


@pytest.mark.parametrize(
    "change",
    [
        {"use": "enc"},
        {"use": ["sig"]},
        {"key_ops": ["sign"]},
        {"key_ops": []},
        {"key_ops": 1},
        {"alg": "RSA-OAEP"},
        {"alg": "RS512"},
        {"alg": 256},
        {"alg": "none"},
        {"kty": "DSA"},
        {"kty": ["RSA"]},
        {"kty": None},
    ],
)
def test_a_key_for_something_else_is_passed_over(public, change):
    """Issuers publish keys for other uses in the same set; they are no mistakes."""
    good = public("Ed25519", kid="good")
    keys = load(a_set(public(**change), good), ["RS256", "Ed25519"])
    assert keys.find("good", "Ed25519")
    assert not keys.find(None, "RS256")
    assert keys.refused == ()


def test_a_key_with_a_private_part_verifies_nothing(make_key):
    """Everybody could sign with it now."""
    for kind, algorithm in (("RSA", "RS256"), ("P-256", "ES256"), ("Ed25519", "Ed25519")):
        jwk = make_key(kind).as_dict(private=True)
        assert "private part" in unfit(a_set(jwk), [algorithm])
        only_d = {name: jwk[name] for name in jwk if name not in "pq"} | {"d": "AA"}
        assert "private part" in unfit(a_set(only_d), [algorithm])


def test_a_secret_in_a_set_verifies_nothing():
    """Whoever can read the set could sign."""
    jwk = OctKey.generate_key(256).as_dict()
    for alg in ({}, {"alg": "HS256"}, {"alg": "RS256"}):
        assert "is a secret" in unfit(a_set(jwk | alg), ["RS256"])


def rsa_jwk(modulus, exponent=65_537):
    return RSAKey.import_key(rsa.RSAPublicNumbers(exponent, modulus).public_key()).as_dict()


def test_weak_keys_are_left_out(make_key):
    modulus = make_key("RSA").public_key.public_numbers().n
    assert "1024 bits" in unfit(a_set(RSAKey.generate_key(1024).as_dict(private=False)))
    assert "16384 bits" in unfit(a_set(rsa_jwk((1 << 16_383) + 1)))
    assert "exponent" in unfit(a_set(rsa_jwk(modulus, 3)))
    assert "ROCA" in unfit(a_set(rsa_jwk(65_537**128)))


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("RSA", "n", ""),
        ("RSA", "n", 5),
        ("RSA", "n", None),
        ("RSA", "n", "AAAA="),
        ("RSA", "n", "A+/A"),
        ("RSA", "n", "AB"),
        ("RSA", "e", "AQ AB"),
        ("RSA", "e", None),
        ("P-256", "x", "AAAA"),
        ("P-256", "y", None),
        ("P-256", "x", "A" * 43),
        ("Ed25519", "x", "A" * 42),
        ("Ed25519", "x", "A" * 86),
    ],
)
def test_a_number_in_another_form_is_refused(public, kind, name, value):
    """No padding, no other alphabet, no other length, no point off its curve."""
    algorithms = {"RSA": "RS256", "P-256": "ES256", "Ed25519": "Ed25519"}
    assert "its key 0 " in unfit(a_set(public(kind, **{name: value})), [algorithms[kind]])


def padded(number):
    """Put a zero byte before a number."""
    data = urlsafe_b64decode(number + "==")
    return urlsafe_b64encode(b"\0" + data).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("kind", "name", "change", "why"),
    [
        ("RSA", "n", lambda n: n + "==", "not base64url"),
        ("RSA", "n", lambda n: n[:9] + "\n" + n[9:], "not base64url"),
        ("RSA", "e", lambda _: "AQAB====", "not base64url"),
        ("P-256", "x", lambda x: x + "=", "not base64url"),
        ("Ed25519", "x", lambda x: x[:-1] + chr(ord(x[-1]) + 1), "not base64url"),
        ("P-256", "x", padded, "another length"),
        ("P-521", "y", padded, "another length"),
    ],
)
def test_a_good_number_spelt_otherwise_is_refused(public, kind, name, change, why):
    """RFC 7518 section 6: numbers have one spelling, coordinates the length of their curve."""
    algorithm = {"RSA": "RS256", "P-256": "ES256", "P-521": "ES512"}.get(kind, "Ed25519")
    good = public(kind)
    assert load(a_set(good), [algorithm])
    assert why in unfit(a_set(good | {name: change(good[name])}), [algorithm])


@pytest.mark.parametrize("curve", ["secp256k1", "P-224", "X25519", "Ed448", None, 1, "../P-256"])
def test_a_key_on_another_curve_verifies_nothing(public, curve):
    for kind in ("P-256", "Ed25519"):
        unfit(a_set(public(kind, crv=curve)), ["ES256", "Ed25519"])
        unfit(a_set(public(kind, crv=curve, alg="ES256")), ["ES256", "Ed25519"])


def test_real_keys_of_other_curves_verify_nothing():
    others = [ECKey.generate_key("secp256k1"), OKPKey.generate_key("Ed448")]
    for key in (*others, OKPKey.generate_key("X25519")):
        unfit(a_set(key.as_dict(private=False)), ALGORITHMS)


@pytest.mark.parametrize("kid", [1, "", "../../x", "https://a/", "a" * 257, ["a"], "a b", "\u00e9"])
def test_a_name_that_no_token_may_use_is_refused(public, kid):
    assert "kid of a shape" in unfit(a_set(public(kid=kid)))


def test_two_keys_of_one_name_and_algorithm_are_none(public):
    """Which of them is meant must not be a question; others go on, kinds may share a name."""
    other = RSAKey.generate_key(2048).as_dict(private=False) | {"kid": "twice"}
    third = public("Ed25519", kid="twice")
    keys = load(a_set(public(kid="twice"), other, third), ["RS256", "Ed25519"])
    assert keys.find("twice", "RS256") == keys.find(None, "RS256") == ()
    assert keys.find("twice", "Ed25519")
    assert keys.refused == ("several of its keys are called twice, and none is used",)
    assert "called twice" in unfit(a_set(public(kid="twice"), other))


def test_one_bad_key_does_not_stop_the_others(public, make_key):
    """It is left out and named; the issuer's other tokens go on."""
    bad = make_key("P-256").as_dict(private=True)
    keys = load(a_set(bad, public(kid="good")), ["RS256", "ES256"])
    assert keys.find("good", "RS256")
    assert not keys.find(None, "ES256")
    (sentence,) = keys.refused
    assert sentence.startswith("its key 0 holds its private part")
    assert bad["d"] not in sentence


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"keys":{}}',
        b'{"keys":[1]}',
        b'{"keys":["a"]}',
        b'{"keys":[null]}',
        b'{"keys":[],"keys":[]}',
        b'{"keys":[{"kty":"RSA","kty":"EC"}]}',
        b'{"keys":[{"x":NaN}]}',
        b'{"keys":[' + b"[" * 600 + b"]" * 600 + b"]}",
        b"\xff",
        b"-----BEGIN PUBLIC KEY-----",
        b"<html>",
    ],
)
def test_what_is_no_set_or_can_be_read_in_two_ways_is_unfit(content):
    assert "in one way only" in unfit(content)


def test_an_empty_set_is_unfit():
    assert unfit(a_set()) == "holds no usable key"


def test_monstrous_sets_are_unfit(public):
    assert "256 KiB" in unfit(b" " * (BYTES_MAX + 1))
    assert f"more than {KEYS_MAX}" in unfit(a_set(*[{}] * (KEYS_MAX + 1)))
    assert isinstance(load(a_set(*[{"kty": "DSA"}] * (KEYS_MAX - 1), public()), ["RS256"]), KeySet)


def test_members_that_point_elsewhere_are_never_followed(public):
    """x5u, x5c and strangers' members mean nothing."""
    more = {"x5u": "https://127.0.0.1:9/", "x5c": ["MIIB"], "x5t": "a", "exp": 1, "nbf": "x"}
    assert load(a_set(public(**more)), ["RS256"]).find(None, "RS256")
