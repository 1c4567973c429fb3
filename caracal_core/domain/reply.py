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

    Raises:
        TypeError: a field is of another type.
    """

    status: int
    headers: Headers
    body: AsyncIterator[bytes]
    length: int | None = None
    actual_cost: str | None = None

    def __post_init__(self) -> None:
        if type(self.status) is not int:
            raise TypeError("a reply's status is a whole number")
        if not isinstance(self.headers, Headers):
            raise TypeError("a reply's headers are Headers")
        if not hasattr(self.body, "__anext__"):
            raise TypeError("a reply's body is an asynchronous iterator")
        if self.length is not None and type(self.length) is not int:
            raise TypeError("a reply's length is a number of bytes, or None")
        if self.actual_cost is not None and not isinstance(self.actual_cost, str):
            raise TypeError("a reply's actual cost is a text, as the upstream wrote it, or None")
