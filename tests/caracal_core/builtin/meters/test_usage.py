"""Tokens are read as their provider counts them, none twice; what makes no sense is not read."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


@pytest.mark.parametrize(
    "other",
    [
        {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        {"prompt_tokens": 0},
        {"prompt_tokens": 10, "completion_tokens": 0},
    ],
)
def test_a_usage_in_both_vocabularies_costs_no_less_than_either(other):
    """Servers in between (one struct for every API) write zeros in the words they do not use."""
    said = {"input_tokens": 10, "output_tokens": 20}
    tokens = read(**said, **other).tokens()
    assert tokens is None or (tokens.prompt, tokens.completion) == (10, 20)


@pytest.mark.parametrize(
    ("prompt", "tokens"),
    [
        ({"prompt_tokens": 20, "prompt_tokens_details": {"cached_tokens": 7}}, Tokens(10, 7, 3, 5)),
        ({"prompt_tokens": 20}, Tokens(17, 0, 3, 5)),
        ({"prompt_tokens": 10, "prompt_tokens_details": {"cached_tokens": 7}}, Tokens(0, 7, 3, 5)),
        ({"prompt_tokens": 9}, Tokens(9, 7, 3, 5)),
        ({"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 7}}, Tokens(2, 7, 3, 5)),
    ],
)
def test_what_a_cache_took_beside_prompt_tokens_is_one_of_them(prompt, tokens):
    """LiteLLM says Anthropic's usage so: it would be charged as read alone, and writing costs more.

    Where there are too few prompt tokens for that, it stands beside them.
    """
    cache = {"cache_read_input_tokens": 7, "cache_creation_input_tokens": 3}
    assert read(**prompt, **cache, completion_tokens=5).tokens() == tokens


COUNTS = st.none() | st.integers(0, 40)


@pytest.mark.parametrize(
    ("said", "tokens"),
    [
        # mirrored, and only one says what a cache served
        (
            {
                "prompt_tokens": 100,
                "prompt_tokens_details": {"cached_tokens": 90},
                "input_tokens": 100,
            },
            Tokens(10, 90),
        ),
        (
            {
                "prompt_tokens": 100,
                "input_tokens": 100,
                "input_tokens_details": {"cached_tokens": 9},
            },
            Tokens(91, 9),
        ),
        # a sum, and what it is the sum of
        (
            {"prompt_tokens": 20, "input_tokens": 10, "cache_read_input_tokens": 7}
            | {"cache_creation_input_tokens": 3},
            Tokens(10, 7, 3),
        ),
        # they contradict each other
        ({"prompt_tokens": 10, "input_tokens": 10, "cache_read_input_tokens": 7}, Tokens(10, 7)),
        ({"prompt_tokens": 10, "completion_tokens": 0, "output_tokens": 5}, Tokens(10, 0, 0, 5)),
    ],
)
def test_a_usage_in_both_vocabularies_counts_nothing_twice(said, tokens):
    assert read(**said).tokens() == tokens


@given(
    st.fixed_dictionaries(
        {name: COUNTS for name in Usage.__struct_fields__ if not name.endswith("_details")}
    )
)
def test_of_two_vocabularies_neither_says_more_than_is_read(said):
    """As many tokens of the prompt, and as many of the answer."""
    first = {name: said[name] for name in ("prompt_tokens", "completion_tokens")}
    both, one, other = (
        read(**each).tokens() for each in (said, first, said | dict.fromkeys(first))
    )
    for part in (one, other):
        if part is not None:
            assert both.completion >= part.completion
            assert sum(msgspec.structs.astuple(both)[:3]) >= sum(msgspec.structs.astuple(part)[:3])
