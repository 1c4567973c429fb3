"""Refused TLS handshakes are told and counted, and end with the alert that TLS has for them."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from time import monotonic

from caracal_core.ports import Metrics

QUIET_SECONDS = 10.0
"""How long a kind of refusal is only counted after it was told."""

KINDS = ("certificate", "alert", "plain_http", "version", "cipher", "other")

_LEFT = (ssl.SSLWantReadError, ssl.SSLWantWriteError, ssl.SSLEOFError, ssl.SSLZeroReturnError)
"""It goes on, or the client is gone: nobody refused anything."""

_log = logging.getLogger("caracal.tls")


class Handshake(ssl.SSLObject):
    """A connection whose refused handshake is told, and whose client hears why (RFC 8446, 6.2).

    asyncio and uvloop drop what is still to be sent once a handshake has failed, and with it the
    alert. So the failure is put off by one step, in which they send it; it is raised when the
    client says something more. A client that neither leaves nor says more is left by the
    handshake's own deadline.

    Attributes:
        outgoing: what is to be sent; without it nothing is put off.
    """

    outgoing: ssl.MemoryBIO | None = None
    _failure: ssl.SSLError | None = None

    def refused(self, error: ssl.SSLError) -> None:
        """Hear of the failure, once."""

    def do_handshake(self) -> None:
        if self._failure is not None:
            raise self._failure
        try:
            super().do_handshake()
        except _LEFT:
            raise
        except ssl.SSLError as error:
            self.refused(error)
            if self.outgoing is None or not self.outgoing.pending:
                raise
            self._failure = error
            raise ssl.SSLWantReadError from None


class Handshakes:
    """Tells of handshakes that failed: one line of a kind in `QUIET_SECONDS`, and a count.

    Args:
        metrics: counts them by their kind.
        clock: monotonic seconds.
    """

    def __init__(self, metrics: Metrics, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._told: dict[str, float] = {}
        self._untold = dict.fromkeys(KINDS, 0)
        self._counters = {
            kind: metrics.counter("refused_handshakes", "TLS handshakes that failed.", reason=kind)
            for kind in KINDS
        }

    def watch(self, context: ssl.SSLContext) -> None:
        """Hear of every handshake that fails in a context."""
        hear = self.refused

        class Watched(Handshake):
            def refused(self, error: ssl.SSLError) -> None:
                hear(error)

        context.sslobject_class = Watched

    def refused(self, error: ssl.SSLError) -> None:
        """Count one, and tell of it unless its kind was told a moment ago."""
        kind = kind_of(error)
        self._counters[kind].add()
        now = self._clock()
        if kind in self._told and now - self._told[kind] < QUIET_SECONDS:
            self._untold[kind] += 1
            return
        self._told[kind] = now
        untold, self._untold[kind] = self._untold[kind], 0
        said = getattr(error, "verify_message", "") or error.reason or type(error).__name__
        more = f"; {untold} more like it since the last such line" if untold else ""
        _log.warning("a TLS handshake was refused: %s (%s)%s", kind, said, more)


def kind_of(error: ssl.SSLError) -> str:
    """Return which of `KINDS` a failed handshake is of.

    ``certificate`` is the client's that was not believed; with an ``alert`` the client refused us.
    """
    reason = error.reason or ""
    if reason == "CERTIFICATE_VERIFY_FAILED":
        return "certificate"
    if "ALERT" in reason:
        return "alert"
    if reason in ("HTTP_REQUEST", "HTTPS_PROXY_REQUEST"):
        return "plain_http"
    if "PROTOCOL" in reason or "VERSION" in reason:
        return "version"
    return "cipher" if "CIPHER" in reason else "other"
