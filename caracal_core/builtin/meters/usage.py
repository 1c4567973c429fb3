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
        """Return the tokens, none counted twice, or None where this makes no sense.

        Servers in between write both vocabularies, and zeros in the words that they do not use, so
        that never less is read than either says. Where one only counts the prompt tokens, and the
        other tells what just as many were made of, that one is read; else the larger of each kind.
        To hold such a usage for none would charge each call over such a server with its whole hold.
        """
        completion = max(self.completion_tokens or 0, self.output_tokens or 0)
        if self.input_tokens is None:
            return self._first(completion)
        if self.prompt_tokens is None:
            return self._second(completion)
        first, second = self._first(completion), self._second(completion)
        return None if first is None or second is None else _joined(first, second)

    def _first(self, completion: int) -> Tokens | None:
        """Read the words prompt and completion; without input, a cache's beside them are theirs.

        So servers that put Anthropic's models into OpenAI's words tell what was written into a
        cache. Like all else it is one of the prompt tokens, unless there are too few of them.
        """
        read = _openai(self.prompt_tokens, completion, self.prompt_tokens_details)
        if read is None or self.input_tokens is not None:
            return read
        cached, written = self.cache_read_input_tokens or 0, self.cache_creation_input_tokens or 0
        if written + max(cached, read.cached) > _read(read):
            return _joined(read, Tokens(0, cached, written, completion))
        return Tokens(read.prompt - written, read.cached, written, completion)

    def _second(self, completion: int) -> Tokens | None:
        """Read the words input and output: of responses where they have details, or Anthropic's."""
        if self.input_tokens_details is not None:
            return _openai(self.input_tokens, completion, self.input_tokens_details)
        if self.input_tokens is None:
            return None
        return Tokens(
            prompt=self.input_tokens,
            cached=self.cache_read_input_tokens or 0,
            cache_write=self.cache_creation_input_tokens or 0,
            completion=completion,
        )

    def after(self, before: Usage) -> Usage:
        """Return what is known once this came after another: each number is of the whole reply."""
        said = {
            name: max(value, getattr(before, name) or 0) if type(value) is int else value
            for name in self.__struct_fields__
            if (value := getattr(self, name)) is not None
        }
        return msgspec.structs.replace(before, **said)


def _joined(one: Tokens, other: Tokens) -> Tokens:
    for count, told in ((one, other), (other, one)):
        if count.prompt == _read(count) == _read(told):
            return told
    kinds = Tokens.__struct_fields__
    return Tokens(**{kind: max(getattr(one, kind), getattr(other, kind)) for kind in kinds})


def _read(tokens: Tokens) -> int:
    return tokens.prompt + tokens.cached + tokens.cache_write


def _openai(prompt: int | None, completion: int, details: _Details | None) -> Tokens | None:
    cached = (details.cached_tokens or 0) if details is not None else 0
    if prompt is None or cached > prompt:
        return None
    return Tokens(prompt=prompt - cached, cached=cached, completion=completion)
