"""A revocation list is believed whole or not at all, and only as its issuer's."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from caracal_auth_mtls import crl
from caracal_auth_mtls.crl import Unfit, load
from caracal_auth_mtls.facts import signer_of


def pem(found):
    return found.public_bytes(Encoding.PEM)


def test_one_in_der_or_several_in_pem(authority, make_authority, right, clock):
    other = make_authority("Another")
    lists = [authority.revocation_list(right), other.revocation_list()]
    (one,) = load(lists[0].public_bytes(Encoding.DER))
    assert one.revoked == {right.certificate.serial_number}
    assert one.this_update < clock.now() < one.next_update
    text = b"Some words before\n" + pem(lists[0]) + b"between\n" + pem(lists[1])
    first, second = load(text)
    assert (first.revoked, second.revoked) == (one.revoked, frozenset())


def test_it_is_its_issuers_by_name_and_signature(authority, make_authority):
    (found,) = load(pem(authority.revocation_list()))
    assert found.is_from(signer_of(authority.own.certificate))
    assert not found.is_from(signer_of(make_authority().own.certificate)), "only the name fits"
    renamed = make_authority("Renamed", key=authority.own.key)
    assert not found.is_from(signer_of(renamed.own.certificate)), "only the key fits"


@pytest.mark.parametrize(
    ("extension", "why"),
    [
        (x509.DeltaCRLIndicator(1), "a part only"),
        (
            x509.IssuingDistributionPoint(None, None, True, False, None, False, False),
            "a part only",
        ),
    ],
)
def test_a_part_of_a_list_is_refused(authority, extension, why):
    with pytest.raises(Unfit, match=why):
        load(pem(authority.revocation_list(extensions=[(extension, True)])))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no readable"),
        (b"junk", "no readable"),
        (b"-----BEGIN X509 CRL-----\njunk\n-----END X509 CRL-----\n", "no readable"),
        (b"-----BEGIN X509 CRL-----\n", "no readable"),
        (b"-----BEGIN X509 CRL-----\n" * 65, "more than 64"),
        (b"x" * (crl.BYTES_MAX + 1), "larger than"),
    ],
    ids=["empty", "junk", "junk in PEM", "cut", "too many", "too large"],
)
def test_what_is_no_list_is_refused(content, why):
    with pytest.raises(Unfit, match=why):
        load(content)


def test_one_broken_list_breaks_the_file(authority):
    whole = pem(authority.revocation_list())
    with pytest.raises(Unfit):
        load(whole + whole[:100])


@given(st.binary(max_size=300))
def test_no_bytes_break_it(content):
    with pytest.raises(Unfit):
        load(content)
