"""A test's authority issues what OpenSSL and cryptography's verifier take for what it says."""

import datetime as dt
import ssl

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from caracal_core.testing.fakes.authority import FakeAuthority

NOW = 1_800_000_000.0
SPIFFE = "spiffe://test/agent/agent-1"


def verified(issued, *trusted, at=NOW):
    """Return the chain's length by the strict default verifier."""
    others = [x509.load_der_x509_certificate(each) for each in issued.issuers]
    builder = PolicyBuilder().store(Store([each.own.certificate for each in trusted]))
    verifier = builder.time(dt.datetime.fromtimestamp(at, dt.UTC)).build_client_verifier()
    return len(verifier.verify(issued.certificate, others).chain)


@pytest.fixture
def authority():
    return FakeAuthority(now=NOW)


def test_what_proves_a_certificate_comes_with_it(authority):
    above = FakeAuthority("Root", now=NOW)
    between = FakeAuthority("Between", now=NOW, above=above)
    issued = between.issue(SPIFFE)
    assert issued.issuers == (between.own.der, above.own.der)
    assert between.own.issuers == (above.own.der,)
    assert authority.issue(SPIFFE).issuers == (authority.own.der,)


def test_a_twin_is_another_certificate_that_is_proved_as_well(authority):
    issued = authority.issue(SPIFFE)
    twin = issued.twin
    assert twin.der != issued.der
    assert twin.certificate.tbs_certificate_bytes == issued.certificate.tbs_certificate_bytes
    assert twin.twin.der == issued.der
    twin.certificate.verify_directly_issued_by(authority.own.certificate)


def test_its_wrongs_are_those_that_were_asked_for(authority):
    issued = authority.issue(SPIFFE, cn="agent", dns=["a.example"], purposes=None, authority=True)
    extensions = issued.certificate.extensions
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [SPIFFE]
    assert names.get_values_for_type(x509.DNSName) == ["a.example"]
    assert extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert issued.certificate.subject.rfc4514_string() == "CN=agent"
    with pytest.raises(x509.ExtensionNotFound):
        extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    early = authority.issue(valid=(10, 20)).certificate
    assert early.not_valid_before_utc.timestamp() == NOW + 10
    assert early.not_valid_after_utc.timestamp() == NOW + 20


def test_an_authority_without_key_usage_is_one_that_openssl_takes(authority):
    bare = FakeAuthority("Bare", now=NOW, usage=False)
    for each in (authority, bare):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_verify_locations(cadata=each.own.pem.decode())
        assert context.get_ca_certs(binary_form=True) == [each.own.der]
    with pytest.raises(x509.ExtensionNotFound):
        bare.own.certificate.extensions.get_extension_for_class(x509.KeyUsage)
    with pytest.raises(VerificationError):
        verified(bare.issue(SPIFFE), authority)


def test_a_list_names_what_was_revoked_and_is_signed(authority):
    one, other = authority.issue(SPIFFE), authority.issue(SPIFFE)
    found = authority.revocation_list(one, valid=(-5, 5))
    assert found.is_signature_valid(authority.own.key.public_key())
    assert found.get_revoked_certificate_by_serial_number(one.certificate.serial_number)
    assert not found.get_revoked_certificate_by_serial_number(other.certificate.serial_number)
    assert found.next_update_utc.timestamp() == NOW + 5


def test_a_key_fits_its_certificate(authority, tmp_path):
    issued = authority.issue(SPIFFE)
    (tmp_path / "one.pem").write_bytes(issued.pem + issued.key_pem)
    ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(tmp_path / "one.pem")
