"""What a request can cost is read from it exactly, on the safe side, or it is refused."""

import json

import pytest

from caracal_core.builtin.tariffs.asked import ALLOWANCE, COMMAS_MAX, ELSEWHERE, read_asked
from caracal_core.builtin.tariffs.price import ModelPrice, Tokens

HELLO = [{"role": "user", "content": "hello"}]
MODEL = ModelPrice(2, 1, 3, 10, max_input=10_000, max_output=500)


def asked(*, streams_say_usage=True, **request):
    data = json.dumps({"model": "m", "messages": HELLO} | request).encode()
    return read_asked(data, streams_say_usage=streams_say_usage)


def test_a_plain_prompt_has_no_more_tokens_than_bytes_and_what_a_provider_adds():
    data = json.dumps({"model": "m", "messages": HELLO}).encode()
    assert read_asked(data, streams_say_usage=True).prompt == len(data) + ALLOWANCE


def test_any_other_prompt_may_be_as_long_as_the_model_takes():
    image = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "u"}}]}]
    assert asked(messages=image).prompt is None
    assert asked(messages=image).most(MODEL).cache_write == 10_000


def test_no_prompt_is_longer_than_the_model_takes():
    long = [{"role": "user", "content": "x" * 20_000}]
    assert asked(messages=long).most(MODEL).cache_write == 10_000


def test_each_input_is_read_for_itself():
    """Embeddings take a list of texts, each as long as the model takes."""
    assert asked(input=["x" * 20_000] * 3).most(MODEL).cache_write == 30_000
    assert asked(input=[[1], [2]]).contexts == 2
    assert asked(input=[1, 2, 3]).contexts == 1
    assert asked(input=HELLO * 3).contexts == 1
    assert asked(input=[]).contexts == 1


def test_very_many_inputs_are_bounded_without_telling_them_apart():
    """A body of nothing but inputs would take fifty times its size in memory."""
    assert asked(input=["a"] * (COMMAS_MAX + 1)).contexts == COMMAS_MAX + 1
    assert asked(input=["a, b"] * (COMMAS_MAX + 1)).contexts == 2 * COMMAS_MAX + 2
    assert asked(input=[1] * (COMMAS_MAX + 2)).most(MODEL).cache_write > 10_000


@pytest.mark.parametrize(
    ("limits", "completion"),
    [
        ({}, 500),
        ({"max_tokens": 7}, 7),
        ({"max_completion_tokens": 7}, 7),
        ({"max_output_tokens": 7}, 7),
        ({"max_tokens": 7, "max_completion_tokens": 9}, 9),
        ({"max_tokens": 900}, 900),
        ({"max_tokens": None}, 500),
        ({"max_tokens": 0}, 500),
        ({"max_tokens": 7, "n": 3}, 21),
        ({"max_tokens": 7, "n": 3, "best_of": 5}, 35),
        ({"max_tokens": 7, "n": 0}, 7),
        ({"max_tokens": 7, "n": None}, 7),
        ({"max_tokens": 7, "prompt": ["a", "b"], "n": 2}, 28),
        ({"n": 2}, 1000),
    ],
)
def test_the_answer_is_as_long_as_asked_or_as_the_model_gives(limits, completion):
    assert asked(**limits).most(MODEL).completion == completion


def test_the_prompt_is_assumed_to_be_read_in_the_dearest_way():
    most = asked(max_tokens=1).most(MODEL)
    assert most == Tokens(cache_write=asked(max_tokens=1).prompt, completion=1)


@pytest.mark.parametrize(
    ("junk", "said"),
    [
        ({"model": None}, "model"),
        ({"model": 1}, "model"),
        ({"model": ""}, "model"),
        ({"model": "m" * 257}, "model"),
        ({"stream": "true"}, "stream"),
        ({"stream": 1}, "stream"),
        *(
            ({key: value}, key)
            for key in ("max_tokens", "max_completion_tokens", "max_output_tokens", "n", "best_of")
            for value in (-1, 1.0, 1.5, "5", True, 2**63, 10**400, [], {})
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wish_that_makes_no_sense_is_refused_by_its_name(junk, said):
    with pytest.raises(ValueError, match=said):
        asked(**junk)


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"messages":[]}', b"model=m", b"\x00"])
def test_what_names_no_model_is_refused(data):
    with pytest.raises(ValueError, match=r"JSON object|model"):
        read_asked(data, streams_say_usage=True)


@pytest.mark.parametrize(
    "more",
    [b'"max_tokens":1', b'"MAX_TOKENS":1', b'"Model":"m"', b'"model":"m"', b'"messages":[]'],
)
def test_what_parsers_may_read_in_two_ways_is_refused(more):
    """What is priced is what the upstream reads."""
    data = b'{"model":"m","max_tokens":9,"messages":[],' + more + b"}"
    with pytest.raises(ValueError, match=r"twice|letters"):
        read_asked(data, streams_say_usage=True)


@pytest.mark.parametrize("name", sorted(ELSEWHERE))
def test_what_may_have_another_model_answer_is_refused(name):
    """A cheap model would be priced, and a dear one answer."""
    with pytest.raises(ValueError, match=f"{name} may have another model answer"):
        asked(**{name: ["dear"]})
    with pytest.raises(ValueError, match="letters"):
        asked(**{name.upper(): ["dear"]})
    assert asked(**{name: None}).model == "m"


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/v1/chat/completions", "m"),
        ("/openai/deployments/m/chat/completions", "m"),
        ("/v1/engines/m/completions", "m"),
        ("/model/claude-v1:0/invoke", "claude-v1:0"),
        ("/models/org/name", "org/name"),
        ("/models/org/name/run", "org/name"),
        ("/v1/models", "m"),
        ("/v1/models/", "m"),
    ],
)
def test_a_path_may_name_the_model_of_the_body(path, model):
    data = json.dumps({"model": model}).encode()
    assert read_asked(data, path=path, streams_say_usage=True).model == model


@pytest.mark.parametrize(
    "path",
    [
        "/openai/deployments/dear/chat/completions",
        "/openai/Deployments/dear/chat/completions",
        "/openai/deployments/m-dear/chat/completions",
        "/openai/deployments/m/deployments/dear",
        "/openai/deployments/%6d/chat/completions",
        "/openai/deployments//dear",
        "/v1/engines/dear/completions",
        "/model/m:1/invoke",
        "/models/org/m",
    ],
)
def test_a_path_that_names_another_model_is_refused(path):
    """Some upstreams heed only the one in the path."""
    with pytest.raises(ValueError, match="its path names another model"):
        read_asked(b'{"model":"m"}', path=path, streams_say_usage=True)


def test_a_stream_that_can_be_asked_is_asked_for_its_usage():
    assert b'"include_usage":true' in asked(stream=True).body
    assert asked(stream=True, streams_say_usage=False).body is None
    assert asked(stream=False).body is None
    assert asked().body is None
    assert asked(stream=True, stream_options={"include_usage": True}).body is None
