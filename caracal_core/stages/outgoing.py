"""What an upstream gets of a request: no credential, the agent's own key, the quoted body."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec

from caracal_core.domain import Body, Headers, Principal, Quote, Request
from caracal_core.errors import PayloadTooLarge
from caracal_core.stages.idempotency import upstream_keys

_OF_THE_BODY = frozenset({"content-digest", "content-md5", "digest", "repr-digest"})
"""They say what the client's own bytes are, which another body is not."""

_ACCEPT_ENCODING = frozenset({"accept-encoding"})


class GivenBody:
    """A `Body` that is here already.

    Args:
        data: all of it.
    """

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def length(self) -> int | None:
        return len(self._data)

    @property
    def whole(self) -> bool:
        return True

    @property
    def count(self) -> int:
        return len(self._data)

    def cap(self, most: int) -> None:
        if len(self._data) > most:
            raise PayloadTooLarge

    async def peek(self, most: int) -> bytes:
        self.cap(most)
        return self._data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._data:
            yield self._data


def outgoing(
    request: Request,
    credentials: frozenset[str],
    principal: Principal,
    quote: Quote | None,
    body: Body,
) -> Request:
    """Return what the upstream gets in the request's place.

    Args:
        request: the client's.
        credentials: the canonical names of the fields that may hold an agent's credential.
        principal: whose request it is.
        quote: what was quoted for it; None on a free route.
        body: the body that goes on.
    """
    headers = upstream_keys(request.headers.without(credentials), principal.id)
    if quote is not None:
        headers = _quoted(headers, quote)
    if headers is request.headers and body is request.body:
        return request
    return msgspec.structs.replace(request, headers=headers, body=body)


def _quoted(headers: Headers, quote: Quote) -> Headers:
    """Return the headers as the quote wants them: a meter reads no compressed reply."""
    if quote.body is not None:
        headers = headers.without(_OF_THE_BODY)
    if quote.metered:
        headers = headers.without(_ACCEPT_ENCODING).plus(("accept-encoding", "identity"))
    return headers
