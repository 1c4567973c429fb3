"""Case 22: what a certificate has to be, in strict and in relaxed mode, after TLS proved it."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from caracal_auth_mtls.facts import CHAIN_MAX, examine, signer_of
from caracal_core.errors import Unauthenticated

SPIFFE = "spiffe://corp.example/agent/research-1"
SERVER, ANY = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE
CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH


def usage(*allowed):
    names = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement "
        "key_cert_sign crl_sign encipher_only decipher_only"
    )
    return (x509.KeyUsage(**{name: name in allowed for name in names.split()}), True)


def verdicts(issued):
    """Return the answers of strict and relaxed mode: nothing, or the reason."""
    found = []
    for strict in (True, False):
        try:
            examine(issued.der, issued.issuers, strict=strict)
        except Unauthenticated as refusal:
            found.append(refusal.internal)
        else:
            found.append("")
    return found


@pytest.mark.parametrize(
    ("more", "strict", "relaxed"),
    [
        ({}, "", ""),
        ({"purposes": [SERVER, CLIENT]}, "", ""),
        ({"purposes": None}, "no extended key usage", ""),
        ({"purposes": [SERVER]}, "lacks clientAuth", "lacks clientAuth"),
        ({"purposes": [ANY]}, "lacks clientAuth", "lacks clientAuth"),
        ({"authority": True}, "an authority's own", "an authority's own"),
        ({"extensions": [usage("digital_signature")]}, "", ""),
        ({"extensions": [usage("key_agreement")]}, "digitalSignature", "digitalSignature"),
        ({"extensions": [usage("digital_signature", "key_cert_sign")]}, "authority", "authority"),
        ({"dns": ["*.example"]}, "wildcard", "wildcard"),
        ({"dns": ["a.example"] * 101}, "more than", "more than"),
    ],
)
def test_what_it_was_issued_for(authority, more, strict, relaxed):
    for found, expected in zip(
        verdicts(authority.issue(SPIFFE, **more)), (strict, relaxed), strict=True
    ):
        assert expected in found
        assert bool(expected) == bool(found)


def test_version_1_is_for_relaxed_mode(by_openssl):
    """What ``openssl x509 -req`` makes where nobody gives it extensions."""
    made = by_openssl()
    assert made.certificate.version is x509.Version.v1
    assert verdicts(made) == ["the certificate is not of X.509 version 3", ""]


def test_a_broken_hash_is_believed_in_no_mode(by_openssl):
    strict, relaxed = verdicts(by_openssl("-sha1"))
    assert strict
    assert "broken hash" in relaxed


def test_a_weak_key_is_believed_in_no_mode(authority):
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505 - that is the point
    assert all("weak" in each for each in verdicts(authority.issue(SPIFFE, key=weak)))


def test_an_intermediate_is_held_to_the_same_strength(make_authority):
    root = make_authority("Root")
    weak = rsa.generate_private_key(65537, 1024)  # noqa: S505 - that is the point
    between = make_authority("Between", above=root, key=weak)
    assert all("weak" in each for each in verdicts(between.issue(SPIFFE)))


def test_what_proved_it_has_to_be_known_and_short(right):
    for issuers in ((), right.issuers * (CHAIN_MAX + 1)):
        with pytest.raises(Unauthenticated) as caught:
            examine(right.der, issuers, strict=True)
        assert "not known what proved" in caught.value.internal


def test_the_facts(make_authority, clock):
    """The narrowest times of the chain below the authority, and who signed what."""
    root = make_authority("Root", valid=(-10, 10))
    between = make_authority("Between", above=root, valid=(-20, 50))
    issued = between.issue(SPIFFE, valid=(-90, 60))
    facts = examine(issued.der, issued.issuers, strict=True)
    now = clock.now()
    assert (facts.not_before, facts.not_after, facts.issued_at) == (now - 20, now + 50, now - 90)
    assert [link.serial for link in facts.links] == [
        issued.certificate.serial_number,
        between.own.certificate.serial_number,
    ]
    signers = [signer_of(each.own.certificate) for each in (between, root)]
    assert [link.signer for link in facts.links] == signers
    assert facts.attributes["spiffe_id"] == SPIFFE
    assert facts.attributes["tbs_sha256"] == facts.credential
    assert int(facts.attributes["serial"], 16) == issued.certificate.serial_number
    assert len(facts.attributes["issuer_sha256"]) == 64


def test_a_twin_is_called_the_same(right, authority):
    """Who holds the certificate makes it; nothing that it says may differ, or a policy slips."""
    facts, twin, other = (
        examine(each.der, each.issuers, strict=True)
        for each in (right, right.twin, authority.issue(SPIFFE))
    )
    assert right.der != right.twin.der
    assert (twin.credential, twin.attributes) == (facts.credential, facts.attributes)
    assert other.credential != facts.credential


def test_a_renewed_authority_signs_as_the_same(make_authority):
    old = make_authority()
    renewed = make_authority(key=old.own.key, valid=(0, 99))
    assert renewed.own.der != old.own.der
    assert signer_of(renewed.own.certificate) == signer_of(old.own.certificate)
    assert signer_of(make_authority().own.certificate) != signer_of(old.own.certificate)


@given(data=st.data())
def test_no_bytes_break_it(data):
    """Whatever stands for a certificate, the answer is a refusal."""
    junk = st.binary(max_size=200)
    with pytest.raises(Unauthenticated):
        examine(data.draw(junk), [data.draw(junk)], strict=data.draw(st.booleans()))
