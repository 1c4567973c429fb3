"""A certificate that a proxy was shown, proved by us: a proxy's word is not enough."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
)
from msgspec import Struct

from caracal_auth_mtls import xfcc
from caracal_auth_mtls.trust import Trust
from caracal_core.errors import Unauthenticated
from caracal_core.lru_cache import LruCache

_DEPTH_MAX = 6
_REMEMBERED_MAX = 4096


class Proved(Struct, frozen=True):
    """A certificate and what proves it.

    Attributes:
        certificate: the certificate (DER).
        issuers: from its issuer up to the authority (DER).
        constrained: whether an issuer limits names (RFC 5280 section 4.2.1.10) and nobody held
            the common name to it: the library's verifier looks at alternative names only.
    """

    certificate: bytes
    issuers: tuple[bytes, ...]
    constrained: bool = False


class Forwarding:
    """Proves forwarded certificates by the authorities that the agents' port believes.

    Args:
        trust: tells them.
    """

    def __init__(self, trust: Trust) -> None:
        self._trust = trust
        self._version: tuple[bytes, ...] = ()
        self._recent: LruCache[bytes, Proved] = LruCache(_REMEMBERED_MAX)

    def prove(self, values: Sequence[str], now: float) -> Proved:
        """Prove the certificate that the nearest proxy was shown.

        What was proved once is remembered until the authorities change; whether it is still
        valid is asked elsewhere, on every request.

        Args:
            values: the header's values.
            now: unix seconds.

        Raises:
            Unauthenticated: there is none, or no authority proves it.
        """
        if self._trust.version is not self._version:
            self._version, self._recent = self._trust.version, LruCache(_REMEMBERED_MAX)
        key = sha256(values[-1].encode("latin-1", "replace")).digest() if values else b""
        proved = self._recent.get(key)
        if proved is None:
            proved = self._proved(xfcc.parse(values), now)
            self._recent.put(key, proved)
        return proved

    def _proved(self, shown: xfcc.Forwarded, now: float) -> Proved:
        try:
            chain = _verify(shown, self._trust.certificates, now)
        except Exception:  # noqa: BLE001 - the library has many words for what proves nobody
            raise Unauthenticated("no authority proves the forwarded certificate") from None
        own, *issuers = (each.public_bytes(Encoding.DER) for each in chain)
        return Proved(own, tuple(issuers), any(map(_limits_names, chain[1:])))


def _verify(
    shown: xfcc.Forwarded, authorities: Sequence[x509.Certificate], now: float
) -> Sequence[x509.Certificate]:
    """Return the chain from the certificate up to an authority.

    The client's own certificate is judged elsewhere. Authorities may lack a key usage, as those
    do that plain ``openssl req -x509`` makes; one that is there has to allow signing.
    """
    signing = ExtensionPolicy.webpki_defaults_ca().may_be_present(
        x509.KeyUsage, Criticality.AGNOSTIC, _may_sign
    )
    verifier = (
        PolicyBuilder()
        .store(Store(list(authorities)))
        .time(dt.datetime.fromtimestamp(now, dt.UTC))
        .max_chain_depth(_DEPTH_MAX)
        .extension_policies(ca_policy=signing, ee_policy=ExtensionPolicy.permit_all())
        .build_client_verifier()
    )
    others = [x509.load_der_x509_certificate(each) for each in shown.others]
    return verifier.verify(x509.load_der_x509_certificate(shown.certificate), others).chain


def _limits_names(issuer: x509.Certificate) -> bool:
    return any(isinstance(each.value, x509.NameConstraints) for each in issuer.extensions)


def _may_sign(_policy: Policy, _certificate: x509.Certificate, usage: x509.KeyUsage | None) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("its key usage does not allow signing certificates")
