"""Reads one reply off the wire, strictly, and without any input or output of its own."""

from __future__ import annotations

from functools import lru_cache

import httptools
from msgspec import Struct

from caracal_core.domain import Headers

MAX_HEAD_BYTES = 64 * 1024
"""The longest head, interim replies before it and trailers after it included."""

MAX_FIELDS = 256
"""The most fields in a head and its trailers."""

MAX_INTERIM = 8
"""The most interim replies (1xx) before the final one."""

_HOP_BY_HOP = frozenset(
    {
        "keep-alive",
        "proxy-authenticate",
        "proxy-connection",
        "te",
        "trailer",
        "upgrade",
    }
)
STATED_COST = "x-caracal-actual-cost"
"""What a call did cost, in the tariff's currency, as an upstream says."""

_PERSISTENCE = frozenset({"", "close", "keep-alive"})
_SHORT = 64


class BrokenReply(Exception):
    """The upstream broke HTTP or the connection; the sentence says how, for the operator."""


class NoReply(BrokenReply):
    """The connection ended before the head of a reply: nothing was answered."""


class ReplyHead(Struct, frozen=True):
    """The head of a final reply.

    Attributes:
        status: 200-599.
        headers: end-to-end fields, in the order they came.
        length: the declared length; to HEAD and in a 304 that of the body it stands for.
        stated_costs: the values of ``X-Caracal-Actual-Cost``, which is no end-to-end field.
    """

    status: int
    headers: Headers
    length: int | None
    stated_costs: tuple[str, ...] = ()


class ReplyParser:
    """Reads the reply to one request (RFC 9112 sections 4 to 7).

    llhttp judges the syntax in its strict form. What it leaves to its user is judged here:
    the version, codings other than ``chunked``, the interim replies, and every size. The
    ``on_`` methods are its callbacks.

    A reply without a body that declares one, as to HEAD, ends its connection: a faulty upstream
    may send that body later, and it would pass for the reply to the next request.

    Attributes:
        head: the final reply's head, once it is here.
        complete: whether the whole reply is here.
        keep_alive: whether the connection may carry another request once it is complete.
    """

    __slots__ = (
        "_bodiless",
        "_chunked",
        "_fed",
        "_field_bytes",
        "_field_count",
        "_fields",
        "_interim",
        "_length",
        "_named",
        "_parser",
        "_pieces",
        "_stated_costs",
        "complete",
        "head",
        "keep_alive",
    )

    def __init__(self, method: str) -> None:
        """Expect the reply to a request of this method."""
        self.head: ReplyHead | None = None
        self.complete = False
        self.keep_alive = False
        self._bodiless = method == "HEAD"
        self._interim = 0
        self._fed = 0
        self._field_bytes = 0
        self._field_count = 0
        self._pieces: list[bytes] = []
        self._fields: list[tuple[str, str]] = []
        self._stated_costs: list[str] = []
        self._named: set[str] = set()
        self._length: int | None = None
        self._chunked = False
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Take the next bytes from the wire.

        Raises:
            BrokenReply: they are no proper reply. Body bytes before the fault stay to be taken.
        """
        parser = self._parser
        if parser is None:
            self.keep_alive = False
            return
        if self.head is None:
            self._fed += len(data)
        try:
            parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail(BrokenReply("it switched protocols without being asked"))
        except httptools.HttpParserError as error:
            self._fail(_reason(error))
        if self.head is None and self._fed > MAX_HEAD_BYTES:
            self._fail(BrokenReply("its head is too long"))
        if self.complete:
            self._parser = None

    def end(self) -> None:
        """Take the orderly end of the connection.

        Raises:
            BrokenReply: the reply was not complete; `NoReply` where its head was not.
        """
        self._parser = None
        self.keep_alive = False
        if self.complete:
            return
        if self.head is None:
            raise NoReply("it closed the connection before its reply")
        if self._chunked or self._length is not None:
            raise BrokenReply("it closed the connection within its reply")
        self.complete = True

    def take(self) -> bytes:
        """Return what came of the body since the last call."""
        pieces, self._pieces = self._pieces, []
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def on_message_begin(self) -> None:
        if self.complete:
            self.keep_alive = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self._field_count += 1
        self._field_bytes += len(name) + len(value)
        if self._field_count > MAX_FIELDS or self._field_bytes > MAX_HEAD_BYTES:
            raise BrokenReply("its head is too long")
        if self.head is not None:
            return
        field = _field_name(name) if len(name) <= _SHORT else _judged_name(name)
        text = value.strip(b" \t").decode("latin-1")
        if field == "content-length":
            self._length = int(text)
        elif field == "transfer-encoding":
            self._code(text)
        elif field == STATED_COST:
            self._stated_costs.append(text)
        elif field == "connection":
            self._named |= {token.strip(" \t") for token in text.lower().split(",")}
        elif field:
            self._fields.append((field, text))

    def on_headers_complete(self) -> None:
        if self.complete:
            return
        parser = self._parser
        assert parser is not None  # noqa: S101 - it is calling
        status = parser.get_status_code()
        if parser.get_http_version() not in {"1.0", "1.1"}:
            raise BrokenReply("it speaks another version of HTTP")
        if 100 <= status < 200:  # noqa: PLR2004 - RFC 9110 section 15.2
            self._interim += 1
            if self._interim > MAX_INTERIM:
                raise BrokenReply("it sent too many interim replies")
        elif 200 <= status < 600:  # noqa: PLR2004 - RFC 9110 section 15
            self._answer(status, parser.should_keep_alive())
        else:
            raise BrokenReply("its status is none of HTTP")

    def on_body(self, data: bytes) -> None:
        if self.complete:
            self.keep_alive = False
        else:
            self._pieces.append(data)

    def on_message_complete(self) -> None:
        if self.head is None:
            self._forget()
        else:
            self.complete = True

    def _forget(self) -> None:
        """Forget an interim reply's fields."""
        self._fields.clear()
        self._stated_costs.clear()
        self._named.clear()
        self._length = None
        self._chunked = False

    def _fail(self, broken: BrokenReply) -> None:
        """Raise a fault, unless it came after the reply: then only the connection is spoilt."""
        self._parser = None
        self.keep_alive = False
        if not self.complete:
            raise broken

    def _code(self, coding: str) -> None:
        """Accept the one transfer coding that every recipient understands, once."""
        if self._chunked or coding.lower() != "chunked":
            raise BrokenReply("its transfer coding is not chunked")
        self._chunked = True

    def _answer(self, status: int, keep_alive: bool) -> None:
        """Take the head of the final reply."""
        self.keep_alive = keep_alive
        named = self._named - _PERSISTENCE
        fields = [field for field in self._fields if field[0] not in named]
        length = None if status == 204 else self._length  # noqa: PLR2004 - No Content
        self.head = ReplyHead(status, Headers(fields), length, tuple(self._stated_costs))
        if self._bodiless or status in (204, 304):
            self.complete = True
            self.keep_alive = keep_alive and not (self._length or self._chunked)


def _reason(error: httptools.HttpParserError) -> BrokenReply:
    """Return what a callback raised, or else what llhttp says, which names no data."""
    if isinstance(error.__context__, BrokenReply):
        return error.__context__
    return BrokenReply(f"it broke HTTP: {error}")


def _judged_name(name: bytes) -> str:
    """Return the name in lower case, or nothing where the field ends here."""
    field = name.decode("ascii").lower()
    if field == STATED_COST:
        return field
    return "" if field in _HOP_BY_HOP or field.startswith("x-caracal-") else field


_field_name = lru_cache(maxsize=1024)(_judged_name)
