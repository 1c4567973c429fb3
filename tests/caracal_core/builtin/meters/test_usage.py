"""Tokens are read as their provider counts them, none twice; what makes no sense is not read."""

import json

import msgspec
import pytest

from caracal_core.builtin.meters.usage import Usage
from caracal_core.builtin.tariffs.price import Tokens


def read(**said):
    return msgspec.json.decode(json.dumps(said), type=Usage)


@pytest.mark.parametrize(
    ("said", "tokens"),
    [
        ({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}, Tokens(10, 0, 0, 5)),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 3},
            },
            Tokens(6, 4, 0, 5),
        ),
        (
            {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": None},
            Tokens(10, 0, 0, 5),
        ),
        ({"prompt_tokens": 10, "total_tokens": 10}, Tokens(10, 0, 0, 0)),
        (
            {
                "input_tokens": 10,
                "output_tokens": 5,
                "input_tokens_details": {"cached_tokens": 10},
            },
            Tokens(0, 10, 0, 5),
        ),
        (
            {
                "input_tokens": 10,
                "output_tokens": 5,
                "cache_read_input_tokens": 7,
                "cache_creation_input_tokens": 3,
                "service_tier": "standard",
            },
            Tokens(10, 7, 3, 5),
        ),
        (
            {
                "input_tokens": 10,
                "output_tokens": 5,
                "cache_read_input_tokens": None,
                "cache_creation_input_tokens": None,
            },
            Tokens(10, 0, 0, 5),
        ),
        ({"prompt_tokens": 0, "completion_tokens": 0}, Tokens()),
    ],
)
def test_the_words_of_each_provider_are_understood(said, tokens):
    assert read(**said).tokens() == tokens


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"completion_tokens": 5},
        {"output_tokens": 5},
        {"total_tokens": 5},
        {"prompt_tokens": 10, "prompt_tokens_details": {"cached_tokens": 11}},
        {"input_tokens": 10, "input_tokens_details": {"cached_tokens": 11}},
    ],
)
def test_what_makes_no_sense_is_no_usage(said):
    assert read(**said).tokens() is None


@pytest.mark.parametrize("junk", [-1, 1.0, 1.5, "5", True, 2**63, 10**400, [], {}])
@pytest.mark.parametrize(
    "name",
    [
        "prompt_tokens",
        "completion_tokens",
        "input_tokens",
        "output_tokens",
        "cache_read_input_tokens",
        "cache_creation_input_tokens",
    ],
)
def test_junk_is_no_usage(name, junk):
    with pytest.raises(msgspec.ValidationError):
        read(**{"prompt_tokens": 1, "input_tokens": 1, name: junk})


def test_what_comes_later_is_of_the_whole_reply():
    start = read(input_tokens=10, cache_read_input_tokens=7, output_tokens=1)
    end = read(output_tokens=20).after(start)
    assert end.tokens() == Tokens(10, 7, 0, 20)
    assert read(input_tokens=10, output_tokens=0).after(end).tokens() == Tokens(10, 7, 0, 20)
