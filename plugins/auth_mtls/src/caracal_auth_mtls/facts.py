"""What a proved certificate says of itself, as far as time does not change it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from types import MappingProxyType
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID
from msgspec import Struct

from caracal_auth_mtls.names import Names, names_in
from caracal_auth_mtls.strength import check_key, is_signed_well
from caracal_core.domain.certificate_name import certificate_name
from caracal_core.errors import Unauthenticated

E = TypeVar("E", bound=x509.ExtensionType)

CHAIN_MAX = 8
"""How many issuers a certificate may have, the authority included."""


class Signer(Struct, frozen=True):
    """Whoever signs certificates: the same under a renewed certificate of its own.

    Attributes:
        name: the subject (DER).
        key: the public key (DER).
    """

    name: bytes
    key: bytes


class Link(Struct, frozen=True):
    """One step of a chain: a certificate by its number, and who signed it."""

    serial: int
    signer: Signer


class Facts(Struct, frozen=True):
    """A certificate that broke no rule.

    Attributes:
        credential: its public name, which no other certificate of its authority has.
        not_before: unix seconds from which it and its intermediates are valid.
        not_after: unix seconds until which they are.
        issued_at: unix seconds when the certificate itself became valid.
        links: the certificate and its intermediates, each with its signer; the last signer is
            the authority.
        names: its names.
        attributes: what policies may know of it.
    """

    credential: str
    not_before: float
    not_after: float
    issued_at: float
    links: tuple[Link, ...]
    names: Names
    attributes: Mapping[str, str]


def signer_of(certificate: x509.Certificate) -> Signer:
    """Return what a certificate signs as."""
    key = certificate.public_key()
    return Signer(
        certificate.subject.public_bytes(),
        key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    )


def examine(certificate: bytes, issuers: Sequence[bytes], *, strict: bool) -> Facts:
    """Judge what time does not change.

    Args:
        certificate: the client's own (DER).
        issuers: what it was proved by (DER), from its issuer up to the authority.
        strict: whether version 3 and the extended key usage are required.

    Raises:
        Unauthenticated: it breaks a rule.
    """
    if not 1 <= len(issuers) <= CHAIN_MAX:
        raise Unauthenticated("it is not known what proved the certificate")
    try:
        own = x509.load_der_x509_certificate(certificate)
        chain = [own, *map(x509.load_der_x509_certificate, issuers)]
        _check_purpose(own, strict=strict)
        for each in chain[:-1]:
            check_key(each)
            if not is_signed_well(each):
                raise Unauthenticated("a certificate is signed over a broken hash")  # noqa: TRY301
        return _facts(chain)
    except Unauthenticated:
        raise
    except Exception:  # noqa: BLE001 - what a library chokes on proves nobody
        raise Unauthenticated("the certificate cannot be read") from None


def _facts(chain: Sequence[x509.Certificate]) -> Facts:
    own, below = chain[0], chain[:-1]
    links = (
        Link(each.serial_number, signer_of(signer))
        for each, signer in zip(below, chain[1:], strict=True)
    )
    credential, names = certificate_name(own.tbs_certificate_bytes), names_in(own)
    return Facts(
        credential=credential,
        not_before=max(each.not_valid_before_utc.timestamp() for each in below),
        not_after=min(each.not_valid_after_utc.timestamp() for each in below),
        issued_at=own.not_valid_before_utc.timestamp(),
        links=tuple(links),
        names=names,
        attributes=_attributes(own, credential, names),
    )


def _attributes(own: x509.Certificate, credential: str, names: Names) -> Mapping[str, str]:
    found = {
        "serial": f"{own.serial_number:x}",
        "issuer_sha256": sha256(own.issuer.public_bytes()).hexdigest(),
        "tbs_sha256": credential,
    }
    if len(names.spiffe) == 1:
        found["spiffe_id"] = names.spiffe[0]
    return MappingProxyType(found)


def _check_purpose(own: x509.Certificate, *, strict: bool) -> None:
    """Refuse what was not issued for a client to prove itself with."""
    if strict and own.version is not x509.Version.v3:
        raise Unauthenticated("the certificate is not of X.509 version 3")
    constraints = _extension(own, x509.BasicConstraints)
    usage = _extension(own, x509.KeyUsage)
    if (constraints and constraints.ca) or (usage and usage.key_cert_sign):
        raise Unauthenticated("the certificate is an authority's own")
    if usage and not usage.digital_signature:
        raise Unauthenticated("the certificate's key usage lacks digitalSignature")
    purposes = _extension(own, x509.ExtendedKeyUsage)
    if purposes is None:
        if strict:
            raise Unauthenticated("the certificate has no extended key usage")
    elif ExtendedKeyUsageOID.CLIENT_AUTH not in purposes:
        raise Unauthenticated("the certificate's extended key usage lacks clientAuth")


def _extension(own: x509.Certificate, kind: type[E]) -> E | None:
    try:
        return own.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
