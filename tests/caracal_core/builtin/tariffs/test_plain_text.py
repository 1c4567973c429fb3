"""Only what brings all of its prompt along as text is bounded by its bytes."""

import json

import pytest

from caracal_core.builtin.tariffs.plain_text import READ_MAX, is_plain_text

HELLO = [{"role": "user", "content": "hello"}]
FUNCTION = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


def is_plain(**request):
    return is_plain_text(json.dumps({"model": "m"} | request).encode())


@pytest.mark.parametrize(
    "request_",
    [
        {"messages": HELLO},
        {"messages": HELLO, "tools": [FUNCTION], "tool_choice": "auto", "temperature": 0.5},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}]},
        {"messages": [*HELLO, {"role": "assistant", "content": None, "tool_calls": [{}]}]},
        {"messages": [{"role": "tool", "tool_call_id": "1", "content": "x"}]},
        {"messages": HELLO, "system": "be brief", "max_tokens": 5, "stop_sequences": ["a"]},
        {
            "messages": HELLO,
            "system": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}],
        },
        {
            "messages": [
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1"}]},
                {
                    "role": "user",
                    "content": [{"type": "tool_use", "id": "1", "name": "f", "input": {}}],
                },
            ],
            "tools": [{"name": "f", "input_schema": {}}],
        },
        {"input": "hello", "instructions": "be brief"},
        {"input": ["hello", "there"]},
        {"input": [1, 2, 3]},
        {"input": [[1, 2], [3]]},
        {"input": HELLO},
        {"prompt": "once", "suffix": "end", "echo": True},
        {"prompt": ["once", "twice"]},
    ],
)
def test_text_is_plain(request_):
    assert is_plain(**request_)


@pytest.mark.parametrize(
    "request_",
    [
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "image_url": {"url": "u"}}]}]},
        {"messages": [{"role": "user", "content": [{"type": "image", "source": {}}]}]},
        {"messages": [{"role": "user", "content": [{"type": "document", "source": {}}]}]},
        {"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]},
        {"messages": [{"role": "user", "content": [{"type": "file", "file_id": "f"}]}]},
        {"messages": [{"role": "assistant", "audio": {"id": "a"}}]},
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": "1", "content": [{"type": "image"}]}
                    ],
                }
            ]
        },
        {"messages": HELLO, "tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        {"messages": HELLO, "tools": [{"type": "file_search", "vector_store_ids": ["v"]}]},
        {"messages": HELLO, "tools": [{"type": "mcp", "server_url": "u"}]},
        {"messages": HELLO, "tools": [{"name": "f", "input_schema": {}, "file_ids": ["f"]}]},
        {"messages": HELLO, "web_search_options": {}},
        {"messages": HELLO, "mcp_servers": []},
        {"messages": HELLO, "anything": "new"},
        {"input": "go on", "previous_response_id": "r"},
        {"input": "go on", "conversation": "c"},
        {"input": [{"type": "item_reference", "id": "i"}]},
        {"prompt": {"id": "p"}},
    ],
)
def test_what_is_read_from_elsewhere_is_not(request_):
    """What is not known here is taken to be so."""
    assert not is_plain(**request_)


def test_what_is_long_or_deep_is_not_looked_at():
    assert not is_plain(messages=[{"role": "user", "content": "x" * READ_MAX}])
    deep = b'{"model":"m","tools":[{"function":' + b"[" * 10_000 + b"]" * 10_000 + b"}]}"
    assert not is_plain_text(deep)
