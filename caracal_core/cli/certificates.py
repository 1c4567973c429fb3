"""Certificates with the extensions that belong into them, for development and a first deployment.

An authority signs one server's certificate and one for each agent (RFC 5280, RFC 9525). Their
keys are on P-256: small, fast, and known to every client.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Iterable, Sequence

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from msgspec import Struct

from caracal_core.domain.certificate_name import certificate_name

TRUST_DOMAIN = "caracal.local"
"""Whose agents the SPIFFE IDs say that they are."""

_TOKEN_KEY_BITS = 3072
_AUTHORITY_DAYS = 3650
_CLOCKS_APART = dt.timedelta(minutes=5)


class Made(Struct, frozen=True):
    """A certificate and its private key, both in PEM; the key is not encrypted."""

    certificate: bytes
    key: bytes


class TokenKeys(Struct, frozen=True):
    """The key pair of a tokens' issuer, both halves in PEM; the private one is not encrypted."""

    private: bytes
    public: bytes


class Authority:
    """Issues certificates.

    Args:
        certificate: its own.
        key: its private key.
    """

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self._certificate, self._key = certificate, key

    @classmethod
    def new(cls) -> Authority:
        """Make an authority that is good for ten years."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = _named("Caracal authority")
        public = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        extensions = [
            (x509.BasicConstraints(ca=True, path_length=0), True),
            (_usage(key_cert_sign=True, crl_sign=True), True),
            (public, False),
        ]
        builder = _builder(name, key, _AUTHORITY_DAYS, extensions).issuer_name(name)
        return cls(builder.sign(key, SHA256()), key)

    @classmethod
    def load(cls, certificate: bytes, key: bytes) -> Authority:
        """Read an authority that `new` made, from its PEM.

        Raises:
            ValueError: it is none, or the key is another's.
        """
        found = x509.load_pem_x509_certificate(certificate)
        private = load_pem_private_key(key, None)
        if not isinstance(private, ec.EllipticCurvePrivateKey):
            raise ValueError("the key is not on an elliptic curve")  # noqa: TRY004 - as documented
        if private.public_key() != found.public_key():
            raise ValueError("the key is another certificate's")
        return cls(found, private)

    @property
    def own(self) -> Made:
        """Its own certificate and key."""
        return _made(self._certificate, self._key)

    def issue_server(self, hosts: Sequence[str], days: int) -> Made:
        """Issue the certificate that the gateway proves itself with.

        Args:
            hosts: DNS names and IP addresses; the first is the common name too.
            days: how long it is valid.

        Raises:
            ValueError: a host is neither.
        """
        names = [_host(host) for host in hosts]
        return self._issue(hosts[0], names, ExtendedKeyUsageOID.SERVER_AUTH, days)

    def issue_agent(self, agent: str, days: int) -> Made:
        """Issue a certificate that proves an agent, by its SPIFFE ID.

        Args:
            agent: the agent's name, of characters that a SPIFFE ID can hold.
            days: how long it is valid.
        """
        name = x509.UniformResourceIdentifier(f"spiffe://{TRUST_DOMAIN}/agent/{agent}")
        return self._issue(agent, [name], ExtendedKeyUsageOID.CLIENT_AUTH, days)

    def _issue(
        self, cn: str, names: Iterable[x509.GeneralName], purpose: x509.ObjectIdentifier, days: int
    ) -> Made:
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        extensions = [
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (_usage(digital_signature=True), True),
            (x509.ExtendedKeyUsage([purpose]), False),
            (x509.SubjectAlternativeName(names), False),
            (issuer, False),
        ]
        builder = _builder(_named(cn), key, days, extensions)
        signed = builder.issuer_name(self._certificate.subject).sign(self._key, SHA256())
        return _made(signed, key)


def read(content: bytes, most: int) -> Sequence[x509.Certificate]:
    """Read one certificate in DER, or all of them in PEM.

    Args:
        content: the file's bytes.
        most: how many bytes it may have.

    Raises:
        ValueError: it holds none, one that cannot be read, or too much.
    """
    if len(content) > most:
        raise ValueError("too large")
    if b"-----BEGIN" in content:
        return x509.load_pem_x509_certificates(content)
    return [x509.load_der_x509_certificate(content)]


def names_in(certificate: x509.Certificate) -> Sequence[str]:
    """Return whom a certificate names: URIs and DNS names, then common names as ``CN=``.

    Raises:
        ValueError: its extensions cannot be read.
    """
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        found = x509.SubjectAlternativeName([])
    common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return [
        *found.get_values_for_type(x509.UniformResourceIdentifier),
        *found.get_values_for_type(x509.DNSName),
        *(f"CN={each.value!s}" for each in common),
    ]


def name_of(certificate: x509.Certificate) -> str:
    """Return what a certificate is called where it is revoked."""
    return certificate_name(certificate.tbs_certificate_bytes)


def new_token_keys() -> TokenKeys:
    """Make a key pair for tokens, RSA as the default algorithm RS256 wants it."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=_TOKEN_KEY_BITS)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return TokenKeys(_private(key), public)


def _builder(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    days: int,
    extensions: Iterable[tuple[x509.ExtensionType, bool]],
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCKS_APART)
        .not_valid_after(now + dt.timedelta(days=days))
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder


def _host(host: str) -> x509.GeneralName:
    if not host:
        raise ValueError("a host is empty")
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _named(cn: str) -> x509.Name:
    """Return a name of one common name, which has at most 64 characters (RFC 5280 A.1)."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn[:64])])


def _made(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Made:
    return Made(certificate.public_bytes(Encoding.PEM), _private(key))


def _private(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _usage(**allowed: bool) -> x509.KeyUsage:
    words = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement "
        "key_cert_sign crl_sign encipher_only decipher_only"
    )
    return x509.KeyUsage(**{word: allowed.get(word, False) for word in words.split()})
