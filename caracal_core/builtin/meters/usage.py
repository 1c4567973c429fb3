"""The ``usage`` of language models' replies, in the words of OpenAI and of Anthropic.

OpenAI counts cached tokens among its prompt tokens; Anthropic counts what was read from a cache,
and what was written into one, beside its input tokens.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from caracal_core.builtin.tariffs.price import Tokens
from caracal_core.domain.money import LARGEST

Count = Annotated[int, Meta(ge=0, le=LARGEST)]


class _Details(Struct, frozen=True):
    """What the prompt tokens were made of, as OpenAI says it."""

    cached_tokens: Count | None = None


class Usage(Struct, frozen=True):
    """What a reply says that it used: a whole number, or nothing.

    Chat completions and embeddings say prompt and completion, the responses API and Anthropic's
    messages say input and output.
    """

    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    prompt_tokens_details: _Details | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    input_tokens_details: _Details | None = None
    cache_read_input_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None

    def tokens(self) -> Tokens | None:
        """Return the tokens, none counted twice, or None where this makes no sense."""
        if self.prompt_tokens is not None:
            return _openai(self.prompt_tokens, self.completion_tokens, self.prompt_tokens_details)
        if self.input_tokens is None:
            return None
        if self.input_tokens_details is not None:
            return _openai(self.input_tokens, self.output_tokens, self.input_tokens_details)
        return Tokens(
            prompt=self.input_tokens,
            cached=self.cache_read_input_tokens or 0,
            cache_write=self.cache_creation_input_tokens or 0,
            completion=self.output_tokens or 0,
        )

    def after(self, before: Usage) -> Usage:
        """Return what is known once this came after another: each number is of the whole reply."""
        said = {
            name: max(value, getattr(before, name) or 0) if type(value) is int else value
            for name in self.__struct_fields__
            if (value := getattr(self, name)) is not None
        }
        return msgspec.structs.replace(before, **said)


def _openai(prompt: int, completion: int | None, details: _Details | None) -> Tokens | None:
    cached = (details.cached_tokens or 0) if details is not None else 0
    if cached > prompt:
        return None
    return Tokens(prompt=prompt - cached, cached=cached, completion=completion or 0)
