"""A chunked body is decoded only where every byte of its framing is exactly as it must be."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_core.edge.framing import EXTENSION_BYTES, SIZE_LINE_BYTES, Chunks, take
from caracal_core.errors import BadRequest

END = b"0\r\n\r\n"

ACCEPTED = {
    b"5\r\nhello\r\n" + END: b"hello",
    b"A\r\n0123456789\r\na\r\n0123456789\r\n" + END: b"01234567890123456789",
    b"0005\r\nhello\r\n000\r\n\r\n": b"hello",
    b'5;a;b=c;d="e \\" f"\r\nhello\r\n0;last\r\n\r\n': b"hello",
    END: b"",
}

REFUSED = {
    "prefixed size": b"0x5\r\nhello\r\n" + END,
    "space before the size": b" 5\r\nhello\r\n" + END,
    "space after the size": b"5 \r\nhello\r\n" + END,
    "plus sign": b"+5\r\nhello\r\n" + END,
    "minus sign": b"-5\r\nhello\r\n" + END,
    "underscore": b"0_5\r\nhello\r\n" + END,
    "digit that is not ASCII": "\u0665\r\nhello\r\n".encode() + END,
    "no size": b"\r\nhello\r\n" + END,
    "extension without a size": b";a=b\r\nhello\r\n" + END,
    "17 digits": b"0" * 16 + b"5\r\nhello\r\n" + END,
    "bare LF after the size": b"5\nhello\r\n" + END,
    "bare CR in the extension": b"5;a=b\rc\r\nhello\r\n" + END,
    "bare LF in the extension": b"5;a=b\nc\r\nhello\r\n" + END,
    "NUL in a quoted extension": b'5;a="\x00"\r\nhello\r\n' + END,
    "empty extension": b"5;\r\nhello\r\n" + END,
    "space in the extension": b"5; a=b\r\nhello\r\n" + END,
    "open quote": b'5;a="b\r\nhello\r\n' + END,
    "data longer than its size": b"4\r\nhello\r\n" + END,
    "data shorter than its size": b"6\r\nhello\r\n" + END,
    "data ended by two other bytes": b"5\r\nhelloXX" + END,
    "data ended by a bare LF": b"5\r\nhello\n" + END,
    "trailer": b"5\r\nhello\r\n0\r\nvary: *\r\n\r\n",
    "forbidden trailer": b"5\r\nhello\r\n0\r\ncontent-length: 9\r\n\r\n",
    "long size line": b"5;" + b"a" * SIZE_LINE_BYTES + b"\r\nhello\r\n" + END,
    "endless size line": b"5;" + b"a" * (SIZE_LINE_BYTES + 2),
}


def decode(*pieces):
    """Decode pieces as they come; return the data, what is left over, and whether it ended."""
    chunks, buffer, data = Chunks(), bytearray(), b""
    for piece in pieces:
        buffer += piece
        data += chunks.take(buffer)
    return data, bytes(buffer), chunks.ended


def outcome(*pieces):
    try:
        return decode(*pieces)
    except BadRequest as error:
        return error.detail


@pytest.mark.parametrize("body", ACCEPTED)
def test_a_well_framed_body_is_decoded_and_what_follows_is_left(body):
    assert decode(body + b"GET /next") == (ACCEPTED[body], b"GET /next", True)


@pytest.mark.parametrize("reason", REFUSED)
def test_a_body_in_doubt_is_refused(reason):
    with pytest.raises(BadRequest):
        decode(REFUSED[reason])


@pytest.mark.parametrize("body", [*ACCEPTED, *REFUSED.values()])
def test_where_the_bytes_are_split_makes_no_difference(body):
    whole = outcome(body)
    assert all(outcome(body[:at], body[at:]) == whole for at in range(len(body)))
    assert outcome(*(body[at : at + 1] for at in range(len(body)))) == whole


def test_a_body_without_its_end_has_not_ended():
    assert decode(b"5\r\nhello\r\n0\r\n") == (b"hello", b"", False)


def test_extensions_are_limited_in_all():
    """Many small chunks with long extensions are work without a body."""
    chunk = b"1;" + b"a" * 1000 + b"\r\nx\r\n"
    assert decode(chunk * (EXTENSION_BYTES // 1001))[2] is False
    with pytest.raises(BadRequest, match="extensions"):
        decode(chunk * (EXTENSION_BYTES // 1001 + 1))


@given(st.lists(st.binary(min_size=1, max_size=40)), st.lists(st.integers(0, 400)))
def test_what_was_encoded_comes_out_however_it_is_cut(chunks, cuts):
    encoded = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + END
    edges = [0, *sorted(min(cut, len(encoded)) for cut in cuts), len(encoded)]
    pieces = [encoded[start:end] for start, end in pairwise(edges)]
    assert decode(*pieces) == (b"".join(chunks), b"", True)


@given(st.binary(max_size=60))
def test_random_bytes_are_decoded_or_refused(body):
    outcome(body)


def test_take_shortens_the_buffer_by_what_it_returns():
    buffer = bytearray(b"hello")
    assert take(buffer, 2) == b"he"
    assert take(buffer, 9) == b"llo"
    assert not buffer
