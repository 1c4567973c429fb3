"""A stream's usage is read from the words of each provider, and only the extra chunk is kept."""

import json

import pytest

from caracal_core.builtin.meters.streamed_usage import StreamedUsage
from caracal_core.builtin.tariffs.price import Tokens

USAGE = {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14}
WORD = {"choices": [{"delta": {"content": "x"}}]}
DONE = "[DONE]"
START = {
    "type": "message_start",
    "message": {
        "usage": {"input_tokens": 10, "cache_read_input_tokens": 7, "output_tokens": 1},
    },
}
DELTA = {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 20}}
STOP = {"type": "message_stop"}


def a_stream(*events):
    texts = (event if isinstance(event, str) else json.dumps(event) for event in events)
    return "".join(f"data: {text}\n\n" for text in texts).encode()


def run(*events, keeps_usage=False):
    usage = StreamedUsage(keeps_usage=keeps_usage)
    return usage, usage.feed(a_stream(*events))


def test_openais_last_chunk_says_it():
    usage, _ = run(WORD, {"choices": [], "usage": USAGE})
    assert (usage.tokens(), usage.complete) == (Tokens(10, 0, 0, 4), True)


def test_usage_in_a_chunk_with_a_choice_counts_and_more_may_come():
    """Some servers say it in each chunk, growing."""
    less = USAGE | {"completion_tokens": 1}
    usage, _ = run(WORD | {"usage": less}, WORD | {"usage": USAGE})
    assert (usage.tokens(), usage.complete) == (Tokens(10, 0, 0, 4), False)
    usage.feed(a_stream(DONE))
    assert usage.complete


def test_null_in_each_chunk_is_nothing_said():
    usage, _ = run(WORD | {"usage": None}, DONE)
    assert (usage.tokens(), usage.complete) == (None, False)


def test_anthropics_message_says_it_at_its_end():
    """What it read is said at the start, but then not yet what it wrote: that is no cost yet."""
    usage, _ = run(START)
    assert usage.tokens() is None
    usage.feed(a_stream(DELTA))
    assert (usage.tokens(), usage.complete) == (Tokens(10, 7, 0, 20), False)
    usage.feed(a_stream(STOP))
    assert usage.complete


@pytest.mark.parametrize(
    ("delta", "complete"),
    [
        ({"stop_reason": "end_turn"}, True),
        ({"stop_reason": None}, False),
        ({"stop_reason": 5}, False),
        ("text", False),
        ([], False),
    ],
)
def test_with_the_reason_of_its_stop_it_is_of_the_whole_reply(delta, complete):
    """Nothing is left to save by cutting it before its last event."""
    usage, _ = run(START, DELTA | {"delta": delta})
    assert (usage.tokens(), usage.complete) == (Tokens(10, 7, 0, 20), complete)


def test_what_was_read_is_known_from_the_start_on():
    usage, _ = run(START)
    assert usage.said() == Tokens(10, 7, 0, 1)
    usage.feed(a_stream({"usage": -1}))
    assert usage.said() is None


def test_anthropics_last_word_is_of_the_whole_reply():
    usage, _ = run(START, DELTA | {"usage": {"input_tokens": 12, "output_tokens": 20}}, STOP)
    assert usage.tokens() == Tokens(12, 7, 0, 20)


@pytest.mark.parametrize("kind", ["completed", "incomplete", "failed"])
def test_a_response_says_it_at_its_end(kind):
    said = {"input_tokens": 9, "output_tokens": 3, "input_tokens_details": {"cached_tokens": 2}}
    created = {"type": "response.created", "response": {"usage": None}}
    usage, _ = run(created, {"type": f"response.{kind}", "response": {"usage": said}})
    assert (usage.tokens(), usage.complete) == (Tokens(7, 2, 0, 3), True)


def test_only_the_extra_chunk_is_kept_and_only_at_our_wish():
    events = [WORD | {"usage": None}, {"choices": [], "usage": USAGE}, DONE]
    assert run(*events)[1] == a_stream(*events)
    assert run(*events, keeps_usage=True)[1] == a_stream(events[0], DONE)


@pytest.mark.parametrize(
    "event",
    [
        {"choices": [], "prompt_filter_results": []},
        {"choices": [], "usage": None},
        WORD | {"usage": USAGE},
        {"usage": USAGE},
        {"error": {"message": "usage"}},
    ],
)
def test_every_other_chunk_passes(event):
    assert run(event, DONE, keeps_usage=True)[1] == a_stream(event, DONE)


@pytest.mark.parametrize("junk", [-1, 1.5, "5", True, 2**63, [], {}])
def test_junk_spoils_it(junk):
    """Before it and after it, too: nobody knows what such a server counts."""
    for events in ([{"usage": USAGE | {"prompt_tokens": junk}}], [{"usage": junk}]):
        if junk == {}:
            continue
        good = {"choices": [], "usage": USAGE}
        for order in ([*events, good], [good, *events]):
            usage, _ = run(*order, DONE)
            assert (usage.tokens(), usage.complete) == (None, False)


def test_text_about_usage_is_text():
    usage, _ = run('not JSON, "usage"', {"choices": [], "usage": USAGE})
    assert usage.tokens() == Tokens(10, 0, 0, 4)
