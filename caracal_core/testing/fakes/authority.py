"""Certificates for tests: right ones, and each wrong one that an author can think of."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from msgspec import Struct

HOUR, DAY = 3600.0, 86_400.0

CLIENT = (ExtendedKeyUsageOID.CLIENT_AUTH,)

_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_BITS, _SEQUENCE = 0x03, 0x30

Extension = tuple[x509.ExtensionType, bool]
"""An extension, and whether it is critical."""


class Issued(Struct, frozen=True):
    """A certificate with its key, and what proves it.

    Attributes:
        certificate: the certificate.
        key: its private key.
        issuers: the certificates (DER) from its issuer up to the authority.
    """

    certificate: x509.Certificate
    key: CertificateIssuerPrivateKeyTypes
    issuers: tuple[bytes, ...] = ()

    @property
    def der(self) -> bytes:
        """The certificate in DER."""
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        """The certificate in PEM."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def twin(self) -> Issued:
        """The same certificate with the other signature: where (r, s) verifies, (r, n - s) does.

        Whoever has the certificate can make it, without its authority; that signed on P-256.
        """
        certificate = self.certificate
        r, s = decode_dss_signature(certificate.signature)
        signed = certificate.tbs_certificate_bytes
        tail = _element(_BITS, b"\0" + certificate.signature)
        algorithm = self.der.removesuffix(tail).partition(signed)[2]
        signature = _element(_BITS, b"\0" + encode_dss_signature(r, _P256_ORDER - s))
        der = _element(_SEQUENCE, signed + algorithm + signature)
        return Issued(x509.load_der_x509_certificate(der), self.key, self.issuers)

    @property
    def key_pem(self) -> bytes:
        """The private key in PEM, not encrypted."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


class FakeAuthority:
    """An authority that issues what it is told to.

    Args:
        name: its common name.
        now: unix seconds around which everything is valid.
        above: the authority that signs this one's certificate; itself unless given.
        key: its private key; a new one on P-256 unless given.
        usage: whether its certificate has a key usage; plain ``openssl req -x509`` gives none.
        valid: seconds from ``now`` at which it becomes valid, and at which it expires.

    Attributes:
        own: its own certificate and key.
    """

    own: Issued

    def __init__(
        self,
        name: str = "Test authority",
        *,
        now: float,
        above: FakeAuthority | None = None,
        key: CertificateIssuerPrivateKeyTypes | None = None,
        usage: bool = True,
        valid: tuple[float, float] = (-HOUR, 30 * DAY),
    ) -> None:
        self.now = now
        key = key or ec.generate_private_key(ec.SECP256R1())
        extensions: list[Extension] = [(x509.BasicConstraints(True, None), True)]
        if usage:
            extensions.append((_usage(signs=True), True))
        subject = named(name)
        builder = self._builder(subject, key, valid, extensions)
        signer = above.own if above else None
        issuer = signer.certificate.subject if signer else subject
        made = _sign(builder.issuer_name(issuer), signer.key if signer else key)
        issuers = (signer.der, *signer.issuers) if signer else ()
        self.own = Issued(made, key, issuers)

    def issue(
        self,
        *uris: str,
        cn: str | None = None,
        dns: Sequence[str] = (),
        purposes: Sequence[x509.ObjectIdentifier] | None = CLIENT,
        authority: bool = False,
        key: CertificateIssuerPrivateKeyTypes | None = None,
        valid: tuple[float, float] = (-HOUR, DAY),
        extensions: Iterable[Extension] = (),
    ) -> Issued:
        """Issue a certificate.

        Args:
            uris: alternative names that are URIs, such as SPIFFE IDs.
            cn: the common name, if it is to have one.
            dns: alternative names that are DNS names.
            purposes: the extended key usage; None leaves it out.
            authority: whether it is an authority's.
            key: its private key; a new one on P-256 unless given.
            valid: seconds from ``now`` at which it becomes valid, and at which it expires.
            extensions: further ones.
        """
        key = key or ec.generate_private_key(ec.SECP256R1())
        found = [x509.UniformResourceIdentifier(uri) for uri in uris]
        names = [*found, *map(x509.DNSName, dns)]
        given: list[Extension] = [(x509.BasicConstraints(authority, None), True)]
        given += [(x509.SubjectAlternativeName(names), False)] if names else []
        given += [(x509.ExtendedKeyUsage(purposes), False)] if purposes else []
        subject = named(cn) if cn else x509.Name([])
        builder = self._builder(subject, key, valid, [*given, *extensions])
        builder = builder.issuer_name(self.own.certificate.subject)
        made = _sign(builder, self.own.key)
        return Issued(made, key, (self.own.der, *self.own.issuers))

    def revocation_list(
        self,
        *revoked: Issued,
        valid: tuple[float, float] = (-HOUR, DAY),
        extensions: Iterable[Extension] = (),
    ) -> x509.CertificateRevocationList:
        """Sign a list of these certificates.

        Args:
            revoked: whose serial numbers stand in it.
            valid: seconds from ``now`` at which it becomes valid, and until the next one.
            extensions: of the list.
        """
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.own.certificate.subject)
            .last_update(self._moment(valid[0]))
            .next_update(self._moment(valid[1]))
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        for each in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(each.certificate.serial_number)
            builder = builder.add_revoked_certificate(
                entry.revocation_date(self._moment(-1)).build()
            )
        return builder.sign(self.own.key, _made_over(self.own.key))

    def _builder(
        self,
        subject: x509.Name,
        key: CertificateIssuerPrivateKeyTypes,
        valid: tuple[float, float],
        extensions: Iterable[Extension],
    ) -> x509.CertificateBuilder:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._moment(valid[0]))
            .not_valid_after(self._moment(valid[1]))
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder

    def _moment(self, seconds: float) -> dt.datetime:
        return dt.datetime.fromtimestamp(self.now + seconds, dt.UTC)


def named(cn: str) -> x509.Name:
    """Return a name of one common name."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn)])


def _sign(
    builder: x509.CertificateBuilder, key: CertificateIssuerPrivateKeyTypes
) -> x509.Certificate:
    return builder.sign(key, _made_over(key))


def _made_over(key: CertificateIssuerPrivateKeyTypes) -> SHA256 | None:
    """Return the hash of a signature by this key; Ed25519 has its own."""
    return None if isinstance(key, Ed25519PrivateKey) else SHA256()


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _element(tag: int, content: bytes) -> bytes:
    """Write one element of DER."""
    size = len(content)
    if size < 128:  # noqa: PLR2004 - DER's short form
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content
