"""The HTTP service: fetches a document that the operator named, and nothing that a client did."""

from __future__ import annotations

import asyncio
import logging
import ssl
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from caracal_core.builtin.upstreams.config import Origin
from caracal_core.builtin.upstreams.connection import HttpConnection
from caracal_core.builtin.upstreams.dialling import Dialler
from caracal_core.builtin.upstreams.reply_parser import BrokenReply
from caracal_core.builtin.upstreams.trust import believing, pem_in
from caracal_core.errors import Denied, Failure
from caracal_core.own_thread import in_own_thread
from caracal_core.ports import Fetched

PART = "http"


class HttpService:
    """Implements `Http` on the upstreams' own dialling and strict reply parser.

    A fetch is rare, so each has a connection and a TLS context of its own: nothing is shared,
    and rotated authorities are seen. Redirects are answers like any other, proxy variables are
    not read, cookies not kept, and a compressed body is refused, for none was asked for.

    Args:
        log: learns which addresses were refused.
    """

    def __init__(self, log: logging.Logger) -> None:
        self._log = log

    async def get(
        self,
        url: str,
        *,
        most_bytes: int,
        seconds: float,
        ca_file: str | None = None,
        allow_private: bool = False,
        allow_http: bool = False,
    ) -> Fetched:
        origin, target = _parse(url, allow_http=allow_http)
        try:
            async with asyncio.timeout(seconds):
                tls = await in_own_thread(partial(_tls, ca_file), ca_file) if origin.tls else None
                connection = await Dialler(
                    f"the host {origin.host}",
                    origin.host,
                    origin.port,
                    allow_private=allow_private,
                    tls=tls,
                    log=self._log,
                ).dial()
                try:
                    return await _exchange(connection, origin, target, most_bytes)
                finally:
                    connection.abort()
        except TimeoutError:
            raise _failed(origin, f"no whole answer within {seconds:g} s") from None
        except Denied:
            raise _failed(origin, "its address may not be dialled") from None
        except BrokenReply as broken:
            raise _failed(origin, str(broken)) from broken
        except OSError as error:
            raise _failed(origin, error.strerror or type(error).__name__) from error


def _parse(url: str, *, allow_http: bool) -> tuple[Origin, str]:
    """Return where to dial and what to ask for (RFC 9112 section 3.2.1)."""
    plain, _, query = url.partition("?")
    try:
        origin = Origin.parse(plain)
    except ValueError as error:
        raise Failure(PART, f"the URL cannot be fetched: {error}") from None
    if not (origin.tls or allow_http):
        raise _failed(origin, "it is not https, and plain HTTP is not allowed")
    if not query.isascii() or not query.isprintable() or {" ", "#"} & set(query):
        raise _failed(origin, "its query holds a character that none may hold as it is")
    path = urlsplit(plain).path or "/"
    return origin, f"{path}?{query}" if query else path


def _tls(ca_file: str | None) -> ssl.SSLContext:
    """Return the context that verifies certificate and name, by these authorities only."""
    try:
        return believing(None if ca_file is None else pem_in(Path(ca_file)))
    except ValueError as error:
        raise Failure(PART, f"no certificate can be read from {ca_file} ({error})") from None


async def _exchange(
    connection: HttpConnection, origin: Origin, target: str, most_bytes: int
) -> Fetched:
    """Ask, and read the whole answer as long as it stays small."""
    connection.begin("GET")
    connection.write(
        f"GET {target} HTTP/1.1\r\nhost: {origin.authority}\r\naccept-encoding: identity\r\n"
        "user-agent: caracal\r\nconnection: close\r\n\r\n".encode("ascii")
    )
    head = await connection.head()
    codings = head.headers.all("content-encoding")
    if any(coding.lower() != "identity" for coding in codings):
        raise _failed(origin, "its answer is compressed, which was not asked for")
    too_long = _failed(origin, f"its answer is longer than {most_bytes} bytes")
    if head.length is not None and head.length > most_bytes:
        raise too_long
    body = bytearray()
    while data := await connection.read():
        body += data
        if len(body) > most_bytes:
            raise too_long
    return Fetched(head.status, head.headers, bytes(body))


def _failed(origin: Origin, why: str) -> Failure:
    return Failure(PART, f"{origin.authority} gave no document: {why}")
