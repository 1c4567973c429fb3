"""Certificate authorities for the edge's tests, made on the spot."""

import datetime as dt
import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    """Signs certificates; its own is plain, as ``openssl req -x509`` makes it."""

    def __init__(self, name):
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.name = name
        self.pem = self._signed(name, self._key, [(x509.BasicConstraints(True, None), True)])

    def issue(self, directory, stem, common_name):
        """Write ``stem``.crt and ``stem``.key and return their paths."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName(
            [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        )
        certificate, private = directory / f"{stem}.crt", directory / f"{stem}.key"
        certificate.write_bytes(self._signed(common_name, key, [(names, False)]))
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return certificate, private

    def _signed(self, common_name, key, extensions):
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(common_name))
            .issuer_name(_name(self.name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(minutes=5))
            .not_valid_after(now + dt.timedelta(days=1))
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="session")
def make_authority():
    """Make a certificate authority of a given name."""
    return Authority


@pytest.fixture(scope="session")
def authority():
    """One certificate authority for tests that need no second one."""
    return Authority("caracal test authority")
