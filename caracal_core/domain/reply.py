"""What goes back: a head, and a body that streams."""

from __future__ import annotations

from collections.abc import AsyncIterator

from msgspec import Struct

from caracal_core.domain.headers import Headers


class Reply(Struct, frozen=True):
    """An upstream's reply, its head read and its body still to come.

    Attributes:
        status: 200-599.
        headers: end-to-end fields only; framing and hop-by-hop fields are the edge's own.
        body: the bytes as they come; iterating raises `UpstreamBrokenReply` where it breaks.
        length: the declared length in bytes, or None where it is not known.
        actual_cost: what a trusted upstream says that the call did cost, as it wrote it; a client
            never sees it. None where it says nothing, or is not trusted to.
    """

    status: int
    headers: Headers
    body: AsyncIterator[bytes]
    length: int | None = None
    actual_cost: str | None = None
