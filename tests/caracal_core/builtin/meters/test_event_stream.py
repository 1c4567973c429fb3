"""Events are read by the standard, and every byte passes but for those of events that are kept."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_core.builtin.meters.event_stream import LONGEST, EventStream

KEPT = b'{"keep":1}'
LINES = [
    b"data: " + KEPT,
    b'data: {"a":1}',
    b"data:x",
    b"data",
    b"data: [DONE]",
    b'data: {"keep"',
    b"data: :1}",
    b": comment",
    b"event: e",
    b"id: 7",
    b"retry",
    b"dataset: x",
    b"",
    b"",
    b"",
]


def run(pieces, *, may_keep=True, keep=(KEPT,)):
    """Feed the pieces; return what the client got, and the events."""
    events = []

    def read(data):
        events.append(data)
        return data not in keep

    stream = EventStream(read, may_keep=may_keep)
    return b"".join(stream.feed(piece) for piece in pieces), events


def split(data, cuts):
    edges = [0, *sorted(cuts), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


streams = st.lists(
    st.tuples(st.sampled_from(LINES), st.sampled_from([b"\n", b"\r\n", b"\r"])), max_size=12
).map(lambda lines: b"".join(line + end for line, end in lines))


@given(streams, st.data(), st.booleans())
def test_where_it_is_cut_changes_nothing(stream, data, may_keep):
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=8))
    assert run(split(stream, cuts), may_keep=may_keep) == run([stream], may_keep=may_keep)


@given(streams, st.data())
def test_every_byte_passes_where_nothing_is_kept(stream, data):
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=8))
    pieces = split(stream, cuts)
    assert run(pieces, may_keep=False)[0] == stream
    given_, _ = run([*pieces, b"\n\n\n"], keep=())
    assert given_ == stream + b"\n\n\n"


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_an_event_that_is_kept_is_gone_with_its_lines_and_no_other_is(end):
    one, other = b"event: a" + end + b"data: 1" + end + end, b"data: [DONE]" + end + end
    kept = b"id: 7" + end + b"data: " + KEPT + end + b": note" + end + end
    for pieces in ([one + kept + other + b"x"], list(map(bytes, zip(one + kept + other + b"x")))):
        given_, events = run(pieces)
        assert given_ == one + other + b"x"
        assert events == [b"1", KEPT, b"[DONE]"]


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: a\ndata: b\n\n", [b"a\nb"]),
        (b'data: {"keep"\ndata: :1}\n\n', [b'{"keep"\n:1}']),
        (b"data:a\n\ndata:  b\n\n", [b"a", b" b"]),
        (b"data\n\n", [b""]),
        (b"event: e\n\n", []),
        (b": only a comment\n\n", []),
        (b"dataset: a\n\n", []),
        (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
        (b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [b"a"]),
        (b"data: a", []),
        (b"data: a\n", []),
        (b"\n\n\n", []),
    ],
)
def test_events_are_those_of_the_standard(stream, events):
    assert run([stream])[1] == events


@pytest.mark.parametrize(
    "start", [b"data: [DONE]", b"data:x", b"data: 1\n", b"data: [\r", b'{"error":1}', b"id: 7\n<"]
)
def test_what_cannot_be_kept_does_not_wait_for_its_end(start):
    """A word reaches the client when it comes, and a stream without a last empty line whole."""
    assert run([start])[0] == start


def test_a_comment_does_not_wait_for_an_event():
    assert run([b": still there\n"])[0] == b": still there\n"


def test_what_may_be_kept_waits():
    assert run([b"id: 7\ndata: {"])[0] == b""
    assert run([b"id: 7\ndata: {", b"}\n\n"])[0] == b"id: 7\ndata: {}\n\n"


@pytest.mark.parametrize("size", [1, 4096, 2**30])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_an_event_that_is_too_long_passes_unread_and_is_not_kept_in_memory(size, end):
    long = b"data: {" + b"x" * (LONGEST - 7)
    for line, are_read in ((long, True), (long + b"x", False)):
        stream = line + end + end + b"data: " + KEPT + end + end
        if size == 1:  # the rest of it byte by byte
            pieces = [stream[:-60], *(stream[-60:][place : place + 1] for place in range(60))]
        else:
            pieces = [stream[place : place + size] for place in range(0, len(stream), size)]
        given_, events = run(pieces)
        assert given_ == line + end + end
        assert len(events) == 1 + are_read


def test_a_line_without_an_end_is_not_kept_in_memory():
    stream = EventStream(lambda _data: True, may_keep=True)
    stream.feed(b"data: {")
    for _ in range(3 * LONGEST // 1000):
        stream.feed(b"x" * 1000)
    assert len(stream._rest) <= LONGEST
    assert stream._held == []


def test_many_lines_are_too_long_too():
    lines = b"data: {" + b"x" * 1000 + b"\n"
    count = LONGEST // 1000 + 1
    stream = EventStream(lambda _data: True, may_keep=True)
    given_ = b"".join(stream.feed(lines) for _ in range(count))
    assert given_ == lines * count
    assert stream._data is None
