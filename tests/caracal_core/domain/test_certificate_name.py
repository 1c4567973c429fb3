"""Proved here: a certificate's name is the authority's to give, not the holder's to change."""

from caracal_core.domain.certificate_name import certificate_name
from caracal_core.testing.fakes import FakeAuthority


def test_a_twin_has_the_same_name_and_another_certificate_has_not():
    authority = FakeAuthority(now=1_800_000_000.0)
    one, other = authority.issue("spiffe://test/agent/a"), authority.issue("spiffe://test/agent/a")
    names = [
        certificate_name(each.certificate.tbs_certificate_bytes) for each in (one, one.twin, other)
    ]
    assert names[0] == names[1] != names[2]


def test_it_is_sha_256_in_hexadecimal_digits():
    """Of nothing, the digest that FIPS 180-4's examples have."""
    assert certificate_name(b"").startswith("e3b0c44298fc1c149afbf4c8996fb924")
    assert len(certificate_name(b"")) == 64
