"""Whether all that a model will read stands in the request, as text.

Then there are no more prompt tokens than bytes, whatever the tokenizer: no token is shorter than a
byte. An image, a file, a stored conversation or a tool that searches is read from elsewhere; what
is not known here is taken to be so.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Raw, Struct

READ_MAX = 2**20
"""Longer bodies are not looked at: they fill any model's input anyway."""

_PARTS = Literal[
    "text", "input_text", "output_text", "refusal", "tool_use", "tool_result", "thinking"
]


_ABSENT = Raw(b"null")


class _Part(Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a message."""

    type: _PARTS
    text: str | None = None
    refusal: str | None = None
    thinking: str | None = None
    signature: str | None = None
    annotations: tuple[()] | None = None
    cache_control: Raw = _ABSENT
    id: str | None = None
    name: str | None = None
    input: Raw = _ABSENT
    tool_use_id: str | None = None
    content: str | list[_Part] | None = None
    is_error: bool | None = None


class _Message(Struct, frozen=True, forbid_unknown_fields=True):
    """A message, with the calls of functions that an assistant made in it."""

    role: str
    content: str | list[_Part] | None = None
    type: Literal["message"] | None = None
    name: str | None = None
    refusal: str | None = None
    tool_call_id: str | None = None
    tool_calls: Raw = _ABSENT


class _Tool(Struct, frozen=True, forbid_unknown_fields=True):
    """A function that the client runs itself."""

    type: Literal["function", "custom"] | None = None
    function: Raw = _ABSENT
    name: str | None = None
    description: str | None = None
    parameters: Raw = _ABSENT
    input_schema: Raw = _ABSENT
    strict: bool | None = None
    cache_control: Raw = _ABSENT


_WRITING = (
    "model",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "n",
    "best_of",
    "stream",
    "stream_options",
    "temperature",
    "top_p",
    "top_k",
    "stop",
    "stop_sequences",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "seed",
    "logprobs",
    "top_logprobs",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "text",
    "verbosity",
    "user",
    "metadata",
    "store",
    "service_tier",
    "reasoning",
    "reasoning_effort",
    "thinking",
    "encoding_format",
    "dimensions",
    "safety_identifier",
    "prompt_cache_key",
    "truncation",
    "suffix",
    "echo",
)
"""Members that say how to write, not what to read."""

_READING: list[tuple[str, object, object]] = [
    ("messages", list[_Message] | None, None),
    ("input", str | list[str | int | list[int] | _Message] | None, None),
    ("prompt", str | list[str | int | list[int]] | None, None),
    ("system", str | list[_Part] | None, None),
    ("instructions", str | None, None),
    ("tools", list[_Tool] | None, None),
]
_Request = msgspec.defstruct(
    "_Request",
    [*_READING, *((name, Raw, _ABSENT) for name in _WRITING)],
    frozen=True,
    forbid_unknown_fields=True,
)
_decoder = msgspec.json.Decoder(_Request)


def is_plain_text(data: bytes) -> bool:
    """Return whether a request, which is a JSON object, brings all of its prompt along as text."""
    if len(data) > READ_MAX:
        return False
    try:
        _decoder.decode(data)
    except (msgspec.MsgspecError, RecursionError):
        return False
    return True
