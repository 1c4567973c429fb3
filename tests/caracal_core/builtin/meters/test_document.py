"""A JSON reply says its usage wherever it stands, however it is cut; memory has a limit."""

import json

import pytest

from caracal_core.builtin.meters import document
from caracal_core.builtin.meters.document import Document
from caracal_core.builtin.meters.nesting import Nesting
from caracal_core.builtin.tariffs.price import Tokens

REPLY = {"id": "c", "choices": [{}], "usage": {"prompt_tokens": 3, "completion_tokens": 4}}


def read(data, length=None):
    one = Document(length)
    for place in range(0, len(data), 5):
        one.feed(data[place : place + 5])
    return one


def test_usage_is_read():
    assert read(json.dumps(REPLY).encode()).tokens() == Tokens(3, 0, 0, 4)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nonsense",
        b"[]",
        b'{"usage":null}',
        b'{"usage":{}}',
        b'{"usage":[]}',
        b'{"usage":{"prompt_tokens":-1}}',
        b'{"choices":[]}',
        b'{"usage":{"prompt_tokens":1}',
        b'{"usage":{"prompt_tokens":1}}}',
        b'{"a":' + b"[" * 10_000,
    ],
)
def test_what_says_no_usage_reads_none(data):
    assert read(data).tokens() is None
    assert read(data).number(["usage"]) is None


def test_what_it_says_is_known_once_all_of_it_is_here():
    data = json.dumps(REPLY).encode()
    assert read(data[:-1]).said() is None
    assert read(data).said() == Tokens(3, 0, 0, 4)


def test_it_is_complete_with_its_declared_length():
    data = json.dumps(REPLY).encode()
    assert not read(data[:-1], len(data)).complete
    assert read(data, len(data)).complete


@pytest.mark.parametrize("data", [b'{"a":"}"}', b'{"a":{}}\r\n', b"[{}]"])
def test_without_a_declared_length_it_is_complete_at_the_end_of_its_object(data):
    """Nothing can follow but white space; and the same however it is cut."""
    one = Document(None)
    assert not one.complete
    for place in range(len(data)):
        one.feed(data[place : place + 1])
        assert one.complete == (not data[place + 1 :].strip())
    one.feed(b"{}")
    assert not one.complete


@pytest.mark.parametrize("data", [b"12", b'"a"', b"null", b"{]}", b'{"a":}', b"[" * 10_000 + b"]"])
def test_what_could_go_on_or_is_no_json_is_never_complete_without_a_length(data):
    assert not read(data).complete


def test_a_longer_one_is_not_kept(monkeypatch):
    data = json.dumps(REPLY).encode()
    monkeypatch.setattr(document, "LONGEST", len(data))
    assert read(data, len(data)).tokens()
    longer = read(data + b" ", len(data) + 1)
    assert (longer.tokens(), longer.number(["id"]), longer.complete) == (None, None, False)
    assert longer._kept is None


@pytest.mark.parametrize(
    ("pointer", "number"),
    [
        (["usage", "pages"], 7),
        (["list", "1"], 5),
        (["list", "2", "x"], 9),
        (["a/b"], 1),
        (["~"], 2),
        ([""], 3),
        ([], None),
        (["usage"], None),
        (["missing"], None),
        (["list", "3"], None),
        (["list", "01"], None),
        (["list", "-"], None),
        (["list", "-1"], None),
        (["list", "٠"], None),
        (["list", "9" * 400], None),
        (["usage", "pages", "x"], None),
        (["float"], None),
        (["negative"], None),
        (["huge"], None),
        (["text"], None),
        (["yes"], None),
        (["nothing"], None),
    ],
)
def test_a_pointer_leads_to_a_whole_number_or_nowhere(pointer, number):
    reply = {
        "usage": {"pages": 7},
        "list": [4, 5, {"x": 9}],
        "a/b": 1,
        "~": 2,
        "": 3,
        "float": 1.0,
        "negative": -1,
        "huge": 2**63,
        "text": "5",
        "yes": True,
        "nothing": None,
    }
    assert read(json.dumps(reply).encode()).number(pointer) == number


def test_the_whole_document_may_be_the_number():
    assert read(b" 12 ").number([]) == 12


def test_a_list_without_a_length_is_looked_at_once_however_many_pieces_it_has(monkeypatch):
    """2.5 MB in rows of 64 bytes took the gateway, and all its other calls, 20 s."""
    parsed, looked_at = [], []
    is_json, feed = document._is_json, Nesting.feed
    monkeypatch.setattr(document, "_is_json", lambda data: parsed.append(1) or is_json(data))
    monkeypatch.setattr(
        Nesting, "feed", lambda nesting, data: looked_at.append(len(data)) or feed(nesting, data)
    )
    pieces = [b"[{}", *[b',{"a": 1}'] * 500, b"]"]
    list_ = Document(None)
    for piece in pieces:
        assert not list_.complete
        list_.feed(piece)
    assert list_.complete
    assert list_.complete
    assert len(parsed) == 1
    assert sum(looked_at) == sum(map(len, pieces))
