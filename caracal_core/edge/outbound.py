"""The wording of every answer: heads as bytes, and errors as problem details (RFC 9457).

This is the only place where an error becomes words for a client.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from email.utils import formatdate
from http import HTTPStatus
from time import time

import msgspec

from caracal_core.domain import Reply
from caracal_core.errors import Answered, UpstreamBrokenReply

FIRST_STATUS, FIRST_ERROR, LAST_STATUS = 200, 400, 599
BODILESS = frozenset({204, 304})
"""Statuses whose answers end with their head (RFC 9112 section 6.3)."""

_OURS = frozenset(
    {
        "connection",
        "content-length",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-request-id",
    }
)
"""Fields of a reply that are never passed on, since the edge writes its own or none."""

_FRAMING = frozenset({"content-length", "transfer-encoding", "x-request-id"})
"""Fields that no error of a plugin may bring along."""

_NAMES = re.compile(r"(?:[!#$%&'*+\-.^_`|~0-9a-z]++\n)*+")
"""In lower case only, or ``Content-Length`` would pass for a field that is not ours."""

_FIELDS = re.compile(r"(?:[\t -~\x80-\xff]*+\r\n)*+")
_PHRASES = {
    **dict.fromkeys(range(FIRST_STATUS, LAST_STATUS + 1), ""),
    **{known.value: known.phrase for known in HTTPStatus if known >= FIRST_STATUS},
    413: "Content Too Large",
    422: "Unprocessable Content",
}
_STATUS_LINES = {status: f"HTTP/1.1 {status} {phrase}\r\n" for status, phrase in _PHRASES.items()}


class Clock:
    """The Date field (RFC 9110 section 6.6.1), written anew once a second."""

    __slots__ = ("_field", "_second")

    def __init__(self) -> None:
        self._second = 0
        self._field = ""

    def date(self) -> str:
        """Return the whole field with its line's end."""
        second = int(time())
        if second != self._second:
            self._field = f"date: {formatdate(second, usegmt=True)}\r\n"
            self._second = second
        return self._field


_clock = Clock()


def reply_head(reply: Reply, id: str, framing: str) -> bytes:
    """Word the head of an upstream's reply.

    Args:
        reply: its fields are passed on in their order, each as it came, but for the framing.
        id: the exchange's id.
        framing: our own framing fields, each with its line's end.

    Raises:
        UpstreamBrokenReply: the status is none, or a field could be read as two.
    """
    status_line = _STATUS_LINES.get(reply.status)
    if status_line is None:
        raise UpstreamBrokenReply("edge", "the reply's status is not from 200 to 599")
    date = "" if "date" in reply.headers else _clock.date()
    try:
        fields = _lines((name, value) for name, value in reply.headers if name not in _OURS)
    except ValueError as error:
        raise UpstreamBrokenReply("edge", str(error)) from error
    return f"{status_line}{fields}{date}x-request-id: {id}\r\n{framing}\r\n".encode("latin-1")


def problem(error: Answered, id: str, framing: str, *, with_body: bool = True) -> bytes:
    """Word a refusal or a failure as problem details (RFC 9457); head and body.

    ``message`` repeats the detail: clients made for LLM services show that member alone.

    Raises:
        ValueError: it has a field or a status that cannot be worded.
        TypeError: it has a member that cannot be worded.
    """
    if error.status not in range(FIRST_ERROR, LAST_STATUS + 1):
        raise ValueError("the status is none of an error")
    document = {
        "type": "about:blank",
        "title": _PHRASES[error.status],
        "status": error.status,
        "detail": error.detail,
        "message": error.detail,
        "instance": id,
        "code": error.code,
        **error.members(),
    }
    headers = [("content-type", "application/problem+json"), ("cache-control", "no-store")]
    headers += [(name, value) for name, value in error.headers() if name not in _FRAMING]
    body = msgspec.json.encode(document)
    return own_answer(error.status, headers, body, id, framing, with_body=with_body)


def own_answer(
    status: int,
    headers: Iterable[tuple[str, str]],
    body: bytes,
    id: str,
    framing: str,
    *,
    with_body: bool = True,
) -> bytes:
    """Word an answer of the gateway's own; head and body, or to HEAD the head alone.

    Raises:
        ValueError: a field could be read as two.
    """
    head = (
        f"{_STATUS_LINES[status]}{_lines(headers)}{_clock.date()}x-request-id: {id}\r\n"
        f"content-length: {len(body)}\r\n{framing}\r\n"
    ).encode("latin-1")
    return head + body if with_body else head


def _lines(fields: Iterable[tuple[str, str]]) -> str:
    """Word fields, one a line.

    Raises:
        ValueError: one of them could be read as two, or is no field at all.
    """
    lines, names = [], []
    for name, value in fields:
        lines.append(f"{name}: {value}\r\n")
        names.append(f"{name}\n")
    text, names_text = "".join(lines), "".join(names)
    if not (
        text.count("\n") == names_text.count("\n") == len(lines)
        and _NAMES.fullmatch(names_text)
        and _FIELDS.fullmatch(text)
    ):
        raise ValueError("a header field is malformed")
    return text
