"""``caracal.yaml`` means what is read: no surprising words, no twins, no bombs; lines are known."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caracal_core.config.document import parse_document
from caracal_core.errors import Misconfigured


def parse(text):
    return parse_document(text.encode(), "caracal.yaml")


def refusal(text):
    with pytest.raises(Misconfigured) as caught:
        parse_document(text if isinstance(text, bytes) else text.encode(), "caracal.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("on", "on"),
        ("no", "no"),
        ("1:30", "1:30"),
        ("2020-01-01", "2020-01-01"),
        (".nan", ".nan"),
        ("-.inf", "-.inf"),
        ("010", 10),
        ("0x1F", 31),
        ("0o17", 15),
        ("-3", -3),
        ("0.5", 0.5),
        ("1e3", 1000.0),
        ("True", True),
        ("~", None),
        ("", None),
        ("'5'", "5"),
        ("!!str 5", "5"),
    ],
)
def test_scalars_are_those_of_the_core_schema(written, value):
    tree = parse(f"key: {written}").tree
    assert tree == {"key": value}
    assert type(tree["key"]) is type(value)


def test_a_key_is_always_the_word_that_is_written():
    assert parse("on: 1\n8080: 2\nnull: 3").tree == {"on": 1, "8080": 2, "null": 3}


def test_an_empty_file_says_nothing():
    assert parse("# nothing\n").tree == {}


def test_every_value_knows_its_line():
    lines = parse("routes:\n  - id: a\n    path:\n      /a\n  - {id: b}\n").lines
    assert lines["routes",] == 1
    assert lines["routes", 0, "id"] == 2
    assert lines["routes", 0, "path"] == 3
    assert lines["routes", 1, "id"] == 5


def test_a_key_given_twice_is_refused_with_both_lines():
    assert refusal("a: 1\nb: {c: 1}\na: 2\n") == (
        "caracal.yaml line 3: gives the key a again, first given at line 1. Remove one of them."
    )
    assert "line 1: gives the key c again" in refusal("b: {c: 1, c: 2}")


def test_a_reference_may_be_used_within_limits():
    assert parse("a: &x [1]\nb: *x").tree == {"a": [1], "b": [1]}


def bomb():
    lines = ["a0: &a0 [x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (bomb(), "too deep or too large"),
        ("a: &a [*a]", "too deep or too large"),
        ("[" * 5000, "nested too deeply"),
        ("a: " * 1 + "[" * 40 + "]" * 40, "too deep or too large"),
        ("<<: {a: 1}", "merge key"),
        ("? [a]\n: 1", "a key that is no word"),
        ("a: !!python/object/apply:os.getcwd []", "line 1"),
        ("a: !secret x", "no secret that can be used"),
        ("a: 1e999", "no float that can be used"),
        ("a: !!int x", "no int that can be used"),
        ("a: !!float nan", "no float that can be used"),
        ("a: " + "9" * 5000, "a number of 5000 characters"),
        ("a: 0x" + "f" * 3600, "a number of 3602 characters"),
        ("a: 0o" + "7" * 5000, "a number of 5002 characters"),
        ("a: 0." + "1" * 5000, "a number of 5002 characters"),
        ("a: !!int [1]", "no int that can be used"),
        ("a: !!bool [true]", "no bool that can be used"),
        ("a: !!float {b: 1}", "no float that can be used"),
        ("a: !!str {b: 1}", "no str that can be used"),
        ("a: !!null [1]", "no null that can be used"),
        ("a: !!int '1_0'", "no int that can be used"),
        ("a: !!int '\u0665'", "no int that can be used"),
        ('a: "\\ud800"', "no str that can be used"),
        ('"\\ud800": 1', "half a character"),
        ('a: "\\UFFFFFFFF"', "stands for nothing"),
        ('a: "\\U00110000"', "stands for nothing"),
        ("%YAML " + "9" * 5000 + ".1\n---\na: 1", "stands for nothing"),
        ("a: 1\n---\nb: 2", "another document"),
        ("a: [1", "not YAML"),
        ("a: *b", "undefined alias"),
        ("- a", "is not a mapping"),
        ("a: \x07", "control character"),
        (b"a: \xff", "is not UTF-8"),
    ],
)
def test_what_is_refused(text, what):
    assert what in refusal(text)


def test_a_refused_value_is_named_by_its_key():
    assert refusal("a: {b: [1, 1e999]}").startswith("a.b[1] (caracal.yaml line 1): ")


def test_a_refusal_names_the_line_and_repeats_no_content():
    text = "a: 1\npassword: hunter2: x\n"
    assert re.match(r"caracal.yaml line 2: is not YAML", refusal(text))
    assert "hunter2" not in refusal(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text("abc,:#'é", max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text("abc:é", max_size=5), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.text("abc", min_size=1), JSON, max_size=4))
def test_json_is_read_as_it_was_written(tree):
    """Every JSON document is a YAML document that says the same."""
    assert parse(json.dumps(tree)).tree == tree
