"""The authorities that are believed now, which may not be those of an older handshake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cryptography import x509
from msgspec import Struct

from caracal_auth_mtls.facts import Signer, signer_of
from caracal_core.errors import Misconfigured, Unauthenticated
from caracal_core.plugin import Authorities


class Authority(Struct, frozen=True):
    """An authority's certificate and when it is valid, in unix seconds."""

    certificate: x509.Certificate
    not_before: float
    not_after: float


class Trust:
    """Answers whether an authority is believed; read anew whenever the port's file was.

    Args:
        given: gives the authorities that the agents' port believes.
    """

    def __init__(self, given: Authorities) -> None:
        self._given = given
        self._read: tuple[bytes, ...] = ()
        self._authorities: Mapping[Signer, Sequence[Authority]] = {}

    @property
    def certificates(self) -> Sequence[x509.Certificate]:
        """The authorities' own certificates."""
        return [each.certificate for found in self._now().values() for each in found]

    @property
    def version(self) -> tuple[bytes, ...]:
        """What stands for the present state: another object after each change."""
        return self._given()

    def check(self, signer: Signer, now: float) -> None:
        """Accept an authority that is believed now, under any of its certificates.

        Raises:
            Unauthenticated: it is not, or it is out of its time.
        """
        found = self._now().get(signer, ())
        if not found:
            raise Unauthenticated("the certificate's authority is not believed any more")
        if not any(each.not_before <= now <= each.not_after for each in found):
            raise Unauthenticated("the certificate's authority has expired")

    def signers_of(self, name: bytes) -> Sequence[Signer]:
        """Return the authorities of a name (DER)."""
        return [signer for signer in self._now() if signer.name == name]

    def _now(self) -> Mapping[Signer, Sequence[Authority]]:
        given = self._given()
        if given is not self._read:
            found: dict[Signer, list[Authority]] = {}
            for authority in filter(None, map(_authority, given)):
                found.setdefault(signer_of(authority.certificate), []).append(authority)
            self._read, self._authorities = given, found
        return self._authorities


class AskedFor:
    """Refuses a start where nobody is asked for a certificate; a `FileReader` of the plugin's.

    The authorities' file is the port's own to read. This reads what the port made of it.

    Args:
        given: gives the authorities that the agents' port believes.
    """

    def __init__(self, given: Authorities) -> None:
        self._trust = Trust(given)

    async def read(self) -> bool:
        if not self._trust.certificates:
            raise Misconfigured(
                "auth_mode",
                "mtls is enabled and the agents' port asks nobody for a certificate",
                "Mount the authorities of agents (TLS_CA_FILE) and serve TLS (TLS_MODE=on).",
            )
        return False


def _authority(der: bytes) -> Authority | None:
    """Read an authority; one that cannot be read is believed by nobody."""
    try:
        found = x509.load_der_x509_certificate(der)
        signer_of(found)
        return Authority(
            found, found.not_valid_before_utc.timestamp(), found.not_valid_after_utc.timestamp()
        )
    except Exception:  # noqa: BLE001 - whatever the library chokes on
        return None
