"""Certificate revocation lists (RFC 5280 section 5)."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_der_public_key

from caracal_auth_mtls.facts import Signer
from caracal_auth_mtls.strength import is_signed_well

BYTES_MAX = 2**24
"""The largest file that is looked at."""

_LISTS_MAX = 64
_SIGNERS_MAX = 64
_PARTIAL = (x509.DeltaCRLIndicator, x509.IssuingDistributionPoint)
"""What makes a list a part; RFC 5280 wants them critical, and not every authority obeys."""
_BEGIN, _END = b"-----BEGIN X509 CRL-----", b"-----END X509 CRL-----"


class Unfit(Exception):
    """This is no list that can be relied on; the text says why, without any of it."""


class Crl:
    """A list, read once; nothing of it is believed before its signature was verified.

    Args:
        parsed: the list.

    Attributes:
        issuer: its issuer's name (DER).
        this_update: unix seconds from which it is valid.
        next_update: unix seconds from which it is not.
        revoked: the revoked serial numbers.

    Raises:
        Unfit: it is of a kind that does not say all about its issuer's certificates.
    """

    def __init__(self, parsed: x509.CertificateRevocationList) -> None:
        if parsed.next_update_utc is None:
            raise Unfit("holds a list that does not say when the next one comes (nextUpdate)")
        if any(each.critical or isinstance(each.value, _PARTIAL) for each in parsed.extensions):
            raise Unfit("holds a list of a part only (delta, partitioned or otherwise critical)")
        if not is_signed_well(parsed):
            raise Unfit("holds a list that is signed over a broken hash")
        self._parsed = parsed
        self._genuine: dict[Signer, bool] = {}
        self.issuer = parsed.issuer.public_bytes()
        self.this_update = parsed.last_update_utc.timestamp()
        self.next_update = parsed.next_update_utc.timestamp()
        self.revoked = frozenset(map(_serial, parsed))

    def is_from(self, signer: Signer) -> bool:
        """Say whether this is the signer's list, by name and signature."""
        if signer.name != self.issuer:
            return False
        genuine = self._genuine.get(signer)
        if genuine is None:
            genuine = self._verify(signer)
            if len(self._genuine) < _SIGNERS_MAX:
                self._genuine[signer] = genuine
        return genuine

    def _verify(self, signer: Signer) -> bool:
        try:
            key = load_der_public_key(signer.key)
            return self._parsed.is_signature_valid(key)  # type: ignore[arg-type]  # TypeError below
        except Exception:  # noqa: BLE001 - what cannot be verified is not the signer's
            return False


def load(content: bytes) -> Sequence[Crl]:
    """Read every list in a file: one in DER, or any in PEM.

    Raises:
        Unfit: it holds none, or one that cannot be relied on.
    """
    if len(content) > BYTES_MAX:
        raise Unfit(f"is larger than {BYTES_MAX} bytes")
    try:
        if _BEGIN not in content:
            return [Crl(x509.load_der_x509_crl(content))]
        blocks = content.split(_BEGIN)[1:]
        if len(blocks) > _LISTS_MAX:
            raise Unfit(f"holds more than {_LISTS_MAX} lists")  # noqa: TRY301
        pems = [_BEGIN + block.partition(_END)[0] + _END + b"\n" for block in blocks]
        return [Crl(x509.load_pem_x509_crl(pem)) for pem in pems]
    except Unfit:
        raise
    except Exception:  # noqa: BLE001 - whatever the library chokes on
        raise Unfit("holds no readable revocation list (PEM or DER)") from None


def _serial(entry: x509.RevokedCertificate) -> int:
    if any(each.critical for each in entry.extensions):
        raise Unfit("holds a list with certificates of other issuers")
    return entry.serial_number
