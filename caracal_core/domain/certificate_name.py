"""What a certificate is called where it is revoked: a name that its holder cannot change."""

from __future__ import annotations

from hashlib import sha256


def certificate_name(signed: bytes) -> str:
    """Return a certificate's public name: SHA-256 of what its authority signed, in hexadecimal.

    The usual fingerprint covers the signature too. Of an ECDSA signature (r, s) anybody makes
    another valid one, (r, n - s), and with it a certificate of another fingerprint.

    Args:
        signed: the TBSCertificate in DER (RFC 5280 section 4.1.1.1).
    """
    return sha256(signed).hexdigest()
