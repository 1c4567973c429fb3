"""JSON members are found where they stand; what parsers may read in two ways is refused."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_core.builtin.tariffs.strict_json import BRACKETS_MAX, MEMBERS_MAX, members

READ = frozenset({"model", "max_tokens", "stream"})
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
)


def whole(data):
    return {name: data[span.start : span.end] for name, span in members(data, READ).items()}


@given(st.dictionaries(st.text(), values), st.booleans(), st.sampled_from([None, 1, "\t\r\n"]))
def test_each_value_is_where_it_is_said_to_be(given_, plain, indent):
    data = json.dumps(given_, ensure_ascii=plain, indent=indent)
    try:
        data = data.encode()
    except UnicodeEncodeError:  # a lone surrogate is no text
        return
    if b"\\ud" in data or any(name.casefold() in READ and name not in READ for name in given_):
        return
    found = whole(data)
    assert list(found) == list(given_)
    assert {name: json.loads(text) for name, text in found.items()} == json.loads(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"1",
        b'"{"',
        b"{",
        b'{"a":1',
        b'{"a":1}x',
        b'{"a":1}{"a":2}',
        b'{"a":1,}',
        b"{'a':1}",
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":01}',
        b'{"a":1 /* b */}',
        b'{"a":"\n"}',
        b'{"a":"\xff"}',
        b'\xef\xbb\xbf{"a":1}',
        '{"a":1}'.encode("utf-16"),
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    ],
    ids=range(20),
)
def test_what_is_no_json_object_is_refused(data):
    with pytest.raises(ValueError, match="it is no JSON object"):
        members(data, READ)


@pytest.mark.parametrize(
    "data",
    [
        b'{"model":"cheap","model":"dear"}',
        b'{"model":"dear","model":"dear"}',
        b'{"model":"cheap","mod\\u0065l":"dear"}',
        b'{"x":1,"model":"cheap","x":1}',
        b'{ "model" : {"model":1} , "model" : [] }',
    ],
)
def test_a_member_that_stands_there_twice_is_refused(data):
    """Parsers differ in which of the two they take."""
    with pytest.raises(ValueError, match="twice"):
        members(data, READ)


@pytest.mark.parametrize("name", ["Model", "MODEL", "ſtream", "max_toKens"])
def test_a_member_in_other_letters_is_refused(name):
    """Some parsers take it for the same."""
    data = json.dumps({"model": "m", name: 1}, ensure_ascii=False).encode()
    with pytest.raises(ValueError, match="is not spelt in these letters"):
        members(data, READ)


def test_names_further_in_are_not_looked_at():
    data = b'{"model":"m","messages":[{"model":1,"Model":2,"model":3}]}'
    assert whole(data)["model"] == b'"m"'


def test_strings_that_look_like_structure_are_strings():
    data = rb'{"a":"}],\"model\":1,","b\\":[{"c":"]\\"}],"model":"m"}'
    assert whole(data) == {
        "a": rb'"}],\"model\":1,"',
        "b\\": rb'[{"c":"]\\"}]',
        "model": b'"m"',
    }


def test_there_is_a_limit_of_members():
    data = json.dumps({str(place): 0 for place in range(MEMBERS_MAX)}).encode()
    assert len(members(data, READ)) == MEMBERS_MAX
    with pytest.raises(ValueError, match="more than 256 members"):
        members(data[:-1] + b',"x":0}', READ)


def test_there_is_a_limit_of_structure():
    data = b'{"a":[' + b",".join([b"[]"] * (BRACKETS_MAX // 2 - 2)) + b'],"model":1}'
    assert whole(data)["model"] == b"1"
    with pytest.raises(ValueError, match=re.escape(f"more than {BRACKETS_MAX} lists and objects")):
        members(data.replace(b'"a":[', b'"a":[[],[],'), READ)
