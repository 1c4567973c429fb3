"""A stream is asked for its usage, and no other byte of the request is touched."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_core.builtin.tariffs.strict_json import members
from caracal_core.builtin.tariffs.usage_request import with_usage

READ = frozenset({"stream_options"})


def asked(data):
    return with_usage(data, members(data, READ))


@pytest.mark.parametrize(
    ("data", "becomes"),
    [
        (b'{"a":1}', b'{"stream_options":{"include_usage":true},"a":1}'),
        (b' {\n "a": 1.50\n}\n', b' {"stream_options":{"include_usage":true},\n "a": 1.50\n}\n'),
        (b"{}", b'{"stream_options":{"include_usage":true}}'),
        (b"{ }", b'{"stream_options":{"include_usage":true} }'),
        (b'{"stream_options": null ,"a":1}', b'{"stream_options": {"include_usage":true} ,"a":1}'),
        (b'{"stream_options":{}}', b'{"stream_options":{"include_usage":true}}'),
        (
            b'{"stream_options": { "x":[1] } }',
            b'{"stream_options": {"include_usage":true, "x":[1] } }',
        ),
        (
            b'{"stream_options":{"x":1,"include_usage" : false}}',
            b'{"stream_options":{"x":1,"include_usage" : true}}',
        ),
        (
            b'{"stream_options":{"include_usage":null}}',
            b'{"stream_options":{"include_usage":true}}',
        ),
    ],
)
def test_the_wish_is_added_and_nothing_else_changes(data, becomes):
    assert asked(data) == becomes


def test_a_client_that_asked_itself_keeps_its_body():
    assert asked(b'{"stream_options":{"include_usage": true}}') is None


@pytest.mark.parametrize(
    "options",
    [
        b"1",
        b'"x"',
        b"[]",
        b"true",
        b'{"include_usage":1}',
        b'{"include_usage":"false"}',
        b'{"include_usage":true,"include_usage":false}',
        b'{"Include_Usage":true}',
    ],
)
def test_options_that_make_no_sense_are_refused(options):
    with pytest.raises(ValueError, match="stream_options"):
        asked(b'{"stream_options":' + options + b"}")


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), st.integers() | st.text()))
def test_any_request_asks_for_its_usage_and_says_what_it_said(given_):
    given_.pop("stream_options", None)
    data = json.dumps(given_, ensure_ascii=True).encode()
    if b"\\ud" in data or any(name.casefold() == "stream_options" for name in given_):
        return
    becomes = asked(data)
    assert json.loads(becomes) == given_ | {"stream_options": {"include_usage": True}}
    assert becomes.endswith(data[1:])
