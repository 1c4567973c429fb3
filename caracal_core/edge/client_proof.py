"""What TLS proved a client's certificate by, also where a session was resumed."""

from __future__ import annotations

import ssl
import sys
from hashlib import sha256
from typing import Any

REMEMBERED_MAX = 65_536
"""How many certificates' issuers one context remembers; the oldest are forgotten first."""


_DER = 2  # `_ssl.ENCODING_DER`


class ProvingContext(ssl.SSLContext):
    """A context that remembers the issuers of the certificates it proved.

    A resumed session brings its certificate back, but not what it was proved by. A session can
    only be resumed in the context that it began in, so that context's memory is the place.
    """

    _proved: dict[bytes, tuple[bytes, ...]]

    def issuers(self, tls: ssl.SSLObject, certificate: bytes) -> tuple[bytes, ...]:
        """Return what proves the certificate, from its issuer up to the authority.

        Args:
            tls: the connection, after its handshake in this context.
            certificate: the client's own (DER).

        Returns:
            Certificates in DER; none where the connection was resumed and the memory was full.
        """
        try:
            proved = self._proved
        except AttributeError:
            proved = self._proved = {}
        name = sha256(certificate).digest()
        if chain := _chain(tls):
            proved[name] = chain[1:]
            while len(proved) > REMEMBERED_MAX:
                del proved[next(iter(proved))]
        return proved.get(name, ())


def _chain(tls: ssl.SSLObject) -> tuple[bytes, ...]:
    """Return the proved chain, which is empty after a resumption; public since Python 3.13."""
    if sys.version_info >= (3, 13):
        return tuple(tls.get_verified_chain())
    within: Any = tls
    chain = within._sslobj.get_verified_chain() or ()  # noqa: SLF001 - as said above
    return tuple(each.public_bytes(_DER) for each in chain)
