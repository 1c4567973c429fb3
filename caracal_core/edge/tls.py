"""The server's side of TLS, and its rotation without a restart.

Each connection begins with a complete context of its own time: certificate, key, authorities
and session keys change together or not at all, for clients with SNI and without it. Nothing
in use is ever edited, so a broken new pair cannot hurt the one that works.
"""

from __future__ import annotations

import hashlib
import logging
import os
import ssl
from pathlib import Path

from cryptography import x509

from caracal_core.config.address import Address
from caracal_core.config.problems import Problems
from caracal_core.config.tls import TlsConfig
from caracal_core.edge.client_proof import ProvingContext
from caracal_core.edge.handshakes import Handshake, Handshakes
from caracal_core.edge.loopback import is_loopback
from caracal_core.errors import Misconfigured
from caracal_core.following import Follower
from caracal_core.own_thread import in_own_thread
from caracal_core.ports import Metrics

FILE_BYTES = 2**20
"""The longest file with certificates or a key."""

_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
_NO_FILE = b"-"

_log = logging.getLogger("caracal.tls")


class RotatingContext(ssl.SSLContext):
    """Stands for whichever context is the newest.

    asyncio and uvloop ask the context they were given for one object a connection; that is
    where the newest one steps in. It has no certificate itself.

    Attributes:
        newest: the context that the next connection begins with.
    """

    newest: ssl.SSLContext

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        made = self.newest.wrap_bio(incoming, outgoing, server_side, server_hostname, session)
        if isinstance(made, Handshake):
            made.outgoing = outgoing
        return made


class Certificates:
    """The certificate files, as they are now; a `FileReader`.

    Args:
        config: names the files.
        metrics: counts rotations, failures and refused handshakes, and tells when the certificate
            expires.

    Attributes:
        context: what the server is created with; it stays the same through every rotation.
        follower: takes changed files into use; what cannot be used changes nothing.

    Raises:
        Misconfigured: the files do not make a working context.
    """

    def __init__(self, config: TlsConfig, metrics: Metrics) -> None:
        self._config = config
        self._in_force = ""
        self._handshakes = Handshakes(metrics)
        self.context = RotatingContext(ssl.PROTOCOL_TLS_SERVER)
        self._read()
        self.follower = Follower(
            "certificate files",
            self,
            _log,
            metrics.counter("reloads", "Certificate files taken into use anew."),
            metrics.counter(
                "reload_failures", "Changed certificate files that could not be taken into use."
            ),
            config.watch_seconds,
        )
        metrics.gauge(
            "certificate_expires_seconds",
            "When the served certificate expires, in unix seconds.",
            lambda: self._expires,
        )

    def authorities(self) -> tuple[bytes, ...]:
        """Return those (DER) whose client certificates the next connection believes."""
        return self._authorities

    async def read(self) -> bool:
        return await in_own_thread(self._read)

    def _read(self) -> bool:
        digest = _digest(self._config)
        if digest == self._in_force:
            return False
        self._adopt()
        self._in_force = digest
        return True

    def _adopt(self) -> None:
        """Take the files into use, or tell everything that is wrong with them."""
        config, problems = self._config, Problems()
        context, expires = _bare_context(), 0.0
        with problems.collected():
            expires = _expiry(config.cert_file)
        with problems.collected():
            _read(config.key_file, "tls.key_file")
            if expires:
                _load_pair(context, config)
        with problems.collected():
            _load_authorities(context, config.ca_file)
        problems.refuse()
        self._handshakes.watch(context)
        self.context.newest = context
        self._authorities = tuple(context.get_ca_certs(binary_form=True))
        self._expires = expires


def certificates(config: TlsConfig, listen: Address, metrics: Metrics) -> Certificates | None:
    """Return what the gateway proves itself with, or None where it speaks plain HTTP.

    Plain HTTP is spoken where TLS is off, and on a loopback address that has neither file: half
    a pair, or one that cannot be read, is refused rather than done without.

    Raises:
        Misconfigured: TLS is on and the files do not make a working context.
    """
    if speaks_tls(config, listen):
        return Certificates(config, metrics)
    if config.mode != "off":
        _log.warning(
            "%s is served without TLS: there is neither %s (TLS_CERT_FILE) nor %s (TLS_KEY_FILE)",
            listen,
            config.cert_file,
            config.key_file,
        )
    return None


def speaks_tls(config: TlsConfig, listen: Address) -> bool:
    """Whether the address is to be encrypted, as `certificates` says."""
    if config.mode == "off":
        return False
    either = os.path.lexists(config.cert_file) or os.path.lexists(config.key_file)
    return either or not is_loopback(listen.host)


def _bare_context() -> ssl.SSLContext:
    """Make a context that has no certificate yet.

    `ssl.create_default_context` is not used: from Python 3.13 on it refuses authorities
    without a key usage, such as those that plain ``openssl req -x509`` makes.
    """
    context = ProvingContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    return context


def _load_pair(context: ssl.SSLContext, config: TlsConfig) -> None:
    try:
        # A key that wants a password gets a wrong one: nobody is there to type it.
        context.load_cert_chain(config.cert_file, config.key_file, password=lambda: "-")
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or type(error).__name__
        raise Misconfigured(
            "tls.key_file",
            f"{config.key_file} is no private key of {config.cert_file} ({reason})",
            "Give the certificate's own key, in PEM and not encrypted.",
        ) from None


def _load_authorities(context: ssl.SSLContext, path: Path) -> None:
    """Believe client certificates of these authorities; nobody has to show one."""
    if _is_missing(path):
        return
    content = _read(path, "tls.ca_file")
    try:
        context.load_verify_locations(cadata=content.decode("ascii", "ignore"))
    except (ssl.SSLError, ValueError):
        raise Misconfigured(
            "tls.ca_file", f"{path} does not hold certificates", "Give certificates in PEM."
        ) from None
    context.verify_mode = ssl.CERT_OPTIONAL


def _expiry(path: Path) -> float:
    """Return when a file's first certificate expires, in unix seconds."""
    try:
        certificate = x509.load_pem_x509_certificate(_read(path, "tls.cert_file"))
        return certificate.not_valid_after_utc.timestamp()
    except ValueError:
        raise Misconfigured(
            "tls.cert_file", f"{path} does not hold a certificate", "Give a certificate in PEM."
        ) from None


def _digest(config: TlsConfig) -> str:
    """Return what tells two states of the files apart, unreadable ones included."""
    total = hashlib.sha256()
    for path in (config.cert_file, config.key_file, config.ca_file):
        try:
            content = _content(path)
        except OSError as error:
            content = _NO_FILE + type(error).__name__.encode()
        total.update(hashlib.sha256(content).digest())
    return total.hexdigest()


def _read(path: Path, where: str) -> bytes:
    """Return a file's content.

    Raises:
        Misconfigured: it cannot be read, or is absurdly long.
    """
    try:
        content = _content(path)
    except OSError as error:
        raise Misconfigured(
            where,
            f"{path} cannot be read ({error.strerror})",
            "Mount the certificate files, or set TLS_MODE=off where something else encrypts.",
        ) from None
    if len(content) > FILE_BYTES:
        raise Misconfigured(where, f"{path} is longer than {FILE_BYTES} bytes", "Give PEM.")
    return content


def _is_missing(path: Path) -> bool:
    try:
        _content(path)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(FILE_BYTES + 1)
