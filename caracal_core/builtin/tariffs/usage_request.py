"""Asks an OpenAI-style stream for its usage, and leaves every other byte of the request alone."""

from __future__ import annotations

from collections.abc import Mapping

from caracal_core.builtin.tariffs.strict_json import Span, members

_OPTIONS = "stream_options"
_USAGE = "include_usage"
_WANTED = b'{"include_usage":true}'


def with_usage(data: bytes, found: Mapping[str, Span]) -> bytes | None:
    """Return the body with ``stream_options.include_usage``, or None where it stands there.

    Args:
        data: a request for a stream, a JSON object.
        found: where its members stand.

    Raises:
        ValueError: its ``stream_options`` are no such thing.
    """
    if _OPTIONS not in found:
        return _inserted(data, b'"stream_options":' + _WANTED)
    span = found[_OPTIONS]
    options = data[span.start : span.end]
    if options == b"null":
        return _replaced(data, span, _WANTED)
    try:
        inner = members(options, frozenset({_USAGE}))
    except ValueError as error:
        raise ValueError(f"{_OPTIONS}: {error}") from None
    if _USAGE not in inner:
        return _replaced(data, span, _inserted(options, b'"include_usage":true'))
    asked = inner[_USAGE]
    said = options[asked.start : asked.end]
    if said == b"true":
        return None
    if said not in {b"false", b"null"}:
        raise ValueError(f"{_OPTIONS}.{_USAGE} is neither true nor false")
    return _replaced(data, span, _replaced(options, asked, b"true"))


def _inserted(data: bytes, member: bytes) -> bytes:
    """Return an object with one more member, which stands first."""
    opening = data.index(b"{") + 1
    comma = b"" if data[opening:].lstrip(b" \t\r\n").startswith(b"}") else b","
    return data[:opening] + member + comma + data[opening:]


def _replaced(data: bytes, span: Span, value: bytes) -> bytes:
    return data[: span.start] + value + data[span.end :]
