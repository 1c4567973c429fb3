"""JSON is read in one way only: no twins, no infinities, no deep nesting, no second reading."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_auth_jwt.strict_json import members

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text() | st.floats(-1e9, 1e9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), VALUES, max_size=6))
def test_every_plain_object_is_read_as_it_is(value):
    """What others write by the rules is read, whatever its names and values are."""
    assert members(json.dumps(value, ensure_ascii=False).encode()) == value
    assert members(json.dumps(value, indent=1).encode()) == value


@given(st.text(), VALUES, VALUES)
def test_a_name_that_stands_twice_is_refused(name, first, second):
    """Readers differ in which of two twins they take."""
    written = json.dumps(name)
    text = f"{{{written}:{json.dumps(first)},{written}:{json.dumps(second)}}}"
    with pytest.raises(ValueError, match="twice"):
        members(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":{"b":1,"b":2}}',
        b'{"a":[{"b":1},{"b":{"c":1,"d":2,"c":3}}]}',
        b'{"a":{"b":1,"\\u0062":2}}',
        b'{"a":{"":1,"":1}}',
    ],
)
def test_nor_may_it_in_an_inner_object(text):
    """What a token is bound to, and each key of a set, stands in one."""
    with pytest.raises(ValueError, match="twice"):
        members(text)


def test_the_same_name_in_different_objects_is_none_that_stands_twice():
    assert members(b'{"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]}')["b"] == [{"a": 1}] * 2
    assert members(b'{"a":"{\\"b\\":1,\\"b\\":2}{"}') == {"a": '{"b":1,"b":2}{'}


def test_twins_are_known_in_any_spelling():
    """An escaped letter does not make another name."""
    with pytest.raises(ValueError, match="twice"):
        members(b'{"sub":"a","s\\u0075b":"b"}')


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b" ",
        b"{",
        b"{}{}",
        b"{},",
        b"[]",
        b"null",
        b"1",
        b'"a"',
        b"{'a':1}",
        b"{a:1}",
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":-Infinity}',
        b'{"a":1e999}',
        b'{"a":-1e999}',
        b'{"a":01}',
        b'{"a":+1}',
        b'{"a":.5}',
        b'{"a":1.}',
        b'{"a":0x10}',
        b'{"a":1,}',
        b'{"a"}',
        b'{"a":"\x00"}',
        b'{"a":"\xff"}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\\ud800"}',
        b"\xef\xbb\xbf{}",
        b'{"a":1}\x00',
        '{"a":1}'.encode("utf-16"),
        b'{"a":1}//',
        b'{"\xff":1}',
        b'{"a":' + b"9" * 5000 + b"}",
    ],
)
def test_what_is_no_strict_object_is_refused(text):
    """No leniency of any reader is shared."""
    with pytest.raises(ValueError, match=r".+"):
        members(text)


@pytest.mark.parametrize("bracket", [b"[", b'{"a":'])
@pytest.mark.parametrize("depth", [512, 100_000])
def test_deep_nesting_is_refused_before_it_is_read(bracket, depth):
    """A nest never gets as far as the interpreter's own limit."""
    with pytest.raises(ValueError, match="nested too deeply"):
        members(b'{"a":' + bracket * depth)


def test_nesting_up_to_the_limit_is_read():
    """Identity providers do nest roles."""
    nest = members(b'{"a":' + b"[" * 511 + b"]" * 511 + b"}")["a"]
    assert nest
    assert len(members(b'{"a":[' + b"{}," * 509 + b"{}]}")["a"]) == 510
