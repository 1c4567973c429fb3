"""A revocation list is believed whole or not at all, and only as its issuer's."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from caracal_auth_mtls import crl
from caracal_auth_mtls.crl import Unfit, load
from caracal_auth_mtls.facts import signer_of

SHA_256_WITH_RSA = bytes.fromhex("2a864886f70d01010b")
SHA_1_WITH_RSA = bytes.fromhex("2a864886f70d010105")
UTC_TIME, NEXT_UPDATE_PLACE = 0x17, 4


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


@pytest.mark.parametrize("critical", [True, False])
@pytest.mark.parametrize(
    "extension",
    [
        x509.DeltaCRLIndicator(1),
        x509.IssuingDistributionPoint(None, None, True, False, None, False, False),
    ],
)
def test_a_part_of_a_list_is_refused(authority, extension, critical):
    """Whatever the list says of how much it matters."""
    with pytest.raises(Unfit, match="a part only"):
        load(pem(authority.revocation_list(extensions=[(extension, critical)])))


def test_what_else_a_full_list_says_is_no_reason_to_refuse_it(authority):
    assert load(pem(authority.revocation_list(extensions=[(x509.CRLNumber(7), False)])))


def test_a_list_with_certificates_of_others_is_refused(authority, make_authority, right, clock):
    """An indirect list names their issuer in an entry."""
    name = make_authority("Another").own.certificate.subject
    moment = right.certificate.not_valid_before_utc
    entry = (
        x509.RevokedCertificateBuilder()
        .serial_number(1)
        .revocation_date(moment)
        .add_extension(x509.CertificateIssuer([x509.DirectoryName(name)]), critical=True)
        .build()
    )
    builder = x509.CertificateRevocationListBuilder(
        issuer_name=authority.own.certificate.subject,
        last_update=moment,
        next_update=right.certificate.not_valid_after_utc,
        revoked_certificates=[entry],
    )
    with pytest.raises(Unfit, match="other issuers"):
        load(pem(builder.sign(authority.own.key, SHA256())))


def test_a_broken_hash_is_refused(make_authority):
    """The same list, with the name of SHA-1 in the place of SHA-256's."""
    signer = make_authority(key=rsa.generate_private_key(65537, 2048))
    der = signer.revocation_list().public_bytes(Encoding.DER)
    assert der.count(SHA_256_WITH_RSA) == 2
    load(der)
    with pytest.raises(Unfit, match="broken hash"):
        load(der.replace(SHA_256_WITH_RSA, SHA_1_WITH_RSA))


def test_a_list_without_an_end_is_refused(authority):
    """RFC 5280 wants nextUpdate, and cryptography's builder too: so it is cut out."""
    der = authority.revocation_list().public_bytes(Encoding.DER)
    (outer,) = elements(der)
    signed, *others = elements(outer[1])
    parts = elements(signed[1])
    assert [tag for tag, _ in parts].count(UTC_TIME) == 2
    without = [part for place, part in enumerate(parts) if place != NEXT_UPDATE_PLACE]
    body = element(0x30, element(0x30, b"".join(element(*each) for each in without))
                   + b"".join(element(*each) for each in others))  # fmt: skip
    with pytest.raises(Unfit, match="nextUpdate"):
        load(body)


def element(tag, content):
    """Write one element of DER, of less than 256 bytes."""
    size = len(content)
    length = [size] if size < 128 else [0x81, size]
    return bytes([tag, *length]) + content


def elements(der):
    """Read elements of DER, one after the other, as (tag, content)."""
    found = []
    while der:
        size, start = der[1], 2
        if size >= 128:
            start += size - 128
            size = int.from_bytes(der[2:start], "big")
        found.append((der[0], der[start : start + size]))
        der = der[start + size :]
    return found


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
