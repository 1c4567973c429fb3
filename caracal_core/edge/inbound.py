"""From bytes to a request: one head off the connection, strictly, and in time."""

from __future__ import annotations

import os
from asyncio import BaseTransport
from time import monotonic, time

from caracal_core.domain import Connection, Request
from caracal_core.edge.body import NoBody, StreamedBody
from caracal_core.edge.client_proof import ProvingContext
from caracal_core.edge.line import Line
from caracal_core.edge.strict_head import Head, HeadTooLarge, find_stray, parse_head

NO_BODY = NoBody()

_MAPPED = "::ffff:"
"""How an IPv4 address looks on a socket of both families."""


def new_id() -> str:
    """Return a new name for an exchange: 32 hexadecimal digits."""
    return os.urandom(16).hex()


def describe_connection(transport: BaseTransport) -> Connection:
    """Return what the transport knows of the other end; asked once per connection."""
    peer = transport.get_extra_info("peername")
    tls = transport.get_extra_info("ssl_object")
    address = str(peer[0]) if peer else ""
    certificate = tls.getpeercert(binary_form=True) if tls is not None else None
    proving = certificate is not None and isinstance(tls.context, ProvingContext)
    return Connection(
        peer=address.removeprefix(_MAPPED) if "." in address else address,
        tls=tls is not None,
        certificate=certificate,
        issuers=tls.context.issuers(tls, certificate) if proving else (),
    )


async def read_head(line: Line) -> Head:
    """Take one head off the connection, whose first byte is here.

    One empty line before it is skipped (RFC 9112 section 2.2).

    Raises:
        RequestTimeout: it was not complete in ``header_seconds``.
        BadRequest: it is malformed or too large; nothing after it may be read.
        UpgradeRefused: it asks for another protocol.
    """
    buffer, limits = line.received, line.limits
    end = buffer.find(b"\r\n\r\n", 1)
    if end < 0:
        end = await _complete(line)
    if end > limits.header_bytes + (2 if buffer.startswith(b"\r\n") else 0):
        find_stray(buffer, 0, limits.header_bytes)
        raise HeadTooLarge
    with memoryview(buffer) as view:
        raw = bytes(view[:end])
    del buffer[: end + 4]
    return parse_head(raw.removeprefix(b"\r\n"), limits)


async def _complete(line: Line) -> int:
    """Wait until the head is complete; return where it ends."""
    buffer, limits = line.received, line.limits
    until = monotonic() + limits.header_seconds
    seen = 0
    while True:
        find_stray(buffer, max(0, seen - 1), min(len(buffer), limits.header_bytes))
        if len(buffer) > limits.header_bytes + len(b"\r\n\r\n\r\n"):
            raise HeadTooLarge
        seen = len(buffer)
        await line.receive(until - monotonic())
        end = buffer.find(b"\r\n\r\n", max(1, seen - 3))
        if end >= 0:
            return end


def receive_request(
    head: Head, line: Line, connection: Connection
) -> tuple[Request, NoBody | StreamedBody]:
    """Return the request that begins with ``head``, and its body as the edge sees it."""
    body: NoBody | StreamedBody = NO_BODY
    if head.length != 0:
        body = StreamedBody(line, head.length, expects_continue=head.expects_continue)
    request = Request(
        id=new_id(),
        method=head.method,
        path=head.path,
        query=head.query,
        headers=head.headers,
        body=body,
        connection=connection,
        received_at=time(),
        began_at=monotonic(),
    )
    return request, body
