"""A path has one spelling or is refused, so that policy, route and upstream read the same one."""

from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_core.edge.target import split_target
from caracal_core.errors import BadRequest

ACCEPTED = {
    "/": ("/", ""),
    "/a": ("/a", ""),
    "/a/b/": ("/a/b/", ""),
    "/a?": ("/a", ""),
    "/a?b=c&d=/e?f": ("/a", "b=c&d=/e?f"),
    "/a?x=%2F": ("/a", "x=%2F"),
    "/v1/models/ft:gpt-4@x;v=1": ("/v1/models/ft:gpt-4@x;v=1", ""),
    "/caf%C3%A9%20%3A": ("/caf%C3%A9%20%3A", ""),
    "/.well-known/...": ("/.well-known/...", ""),
    "/a?list[]=1|2&j={}": ("/a", "list[]=1|2&j={}"),
}

REFUSED = {
    "absolute": "http://example.com/a",
    "authority": "example.com:443",
    "asterisk": "*",
    "relative": "a/b",
    "empty": "",
    "query alone": "?a",
    "dot": "/a/./b",
    "dot dot": "/public/../admin",
    "dots at the end": "/a/..",
    "dots before the query": "/a/..?b",
    "dots with a parameter": "/a/..;x/b",
    "encoded dots": "/public/%2e%2e/admin",
    "half encoded dots": "/public/.%2E/admin",
    "encoded letter": "/api/%70aid",
    "encoded tilde": "/%7Eroot",
    "encoded slash": "/a%2fb",
    "encoded slash, capital": "/a%2Fb",
    "encoded backslash": "/a%5Cb",
    "encoded NUL": "/a%00",
    "encoded line break": "/a%0d%0ab",
    "encoded DEL": "/a%7f",
    "empty segment": "/a//b",
    "empty first segment": "//a",
    "empty last segment": "/a//",
    "backslash": "/a\\b",
    "quote": '/a"b',
    "not ASCII": "/caf\xe9",
    "fragment": "/a#b",
    "fragment in the query": "/a?b#c",
    "no escape": "/a%",
    "half an escape": "/a%2",
    "junk escape": "/a%zz",
    "junk escape in the query": "/a?b=%zz",
    "overlong slash": "/a%C0%AFb",
    "overlong dot": "/%E0%80%AE/b",
    "half a character": "/a%C3",
    "quote in the query": '/a?b="c"',
}


@pytest.mark.parametrize("target", ACCEPTED)
def test_a_plain_target_is_split_byte_for_byte(target):
    assert split_target(target) == ACCEPTED[target]


@pytest.mark.parametrize("reason", REFUSED)
def test_a_target_with_two_readings_is_refused(reason):
    with pytest.raises(BadRequest):
        split_target(REFUSED[reason])


def test_the_refusal_says_what_is_wrong():
    with pytest.raises(BadRequest, match="dot segment"):
        split_target("/a/../b")
    with pytest.raises(BadRequest, match="empty segment"):
        split_target("/a//b")
    with pytest.raises(BadRequest, match="fragment"):
        split_target("/a#b")
    with pytest.raises(BadRequest, match="origin-form"):
        split_target("http://x/")


@given(st.text("/.%2eEfFcC5;?ab\\#", max_size=20))
def test_no_accepted_path_changes_its_segments_by_decoding(target):
    """Decoding an accepted path gives neither slashes, nor dots, nor plain letters anew."""
    try:
        path, _ = split_target(target)
    except BadRequest:
        return
    decoded = unquote_to_bytes(path)
    assert decoded.count(b"/") == path.count("/")
    assert b"\\" not in decoded
    assert not {b"", b".", b".."} & set(decoded.removesuffix(b"/").split(b"/")[1:])
