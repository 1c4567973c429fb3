"""What a request asks of a language model: which one, and how much at most."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from caracal_core.builtin.tariffs.plain_text import is_plain_text
from caracal_core.builtin.tariffs.price import ModelPrice, Tokens
from caracal_core.builtin.tariffs.strict_json import members
from caracal_core.builtin.tariffs.usage_request import with_usage
from caracal_core.domain.money import LARGEST

ALLOWANCE = 1024
"""Prompt tokens that a provider may add to what it was sent, such as for the use of tools."""

COMMAS_MAX = 10_000
"""How many inputs are told apart; each takes memory while it is."""

READ = frozenset(
    {
        "model",
        "max_tokens",
        "max_completion_tokens",
        "max_output_tokens",
        "n",
        "best_of",
        "stream",
        "stream_options",
        "messages",
        "input",
        "prompt",
    }
)
"""The members that a price depends on."""

ELSEWHERE = frozenset(
    {
        "models",
        "fallbacks",
        "fallback_models",
        "context_window_fallbacks",
        "context_window_fallback_dict",
        "content_policy_fallbacks",
        "extra_body",
        "preset",
    }
)
"""Members by which gateways of models have another model answer, or take members from elsewhere."""

NAMING = frozenset({"model", "models", "deployments", "engines"})
"""The segments of a path after which the name of a model stands, such as in Azure's."""

Count = Annotated[int, Meta(ge=0, le=LARGEST)]


class _Wish(Struct, frozen=True):
    """The members that a price depends on; null is as good as absent."""

    model: Annotated[str, Meta(min_length=1, max_length=256)]
    max_tokens: Count | None = None
    max_completion_tokens: Count | None = None
    max_output_tokens: Count | None = None
    n: Count | None = None
    best_of: Count | None = None
    stream: bool | None = None
    input: msgspec.Raw = msgspec.Raw(b"null")
    prompt: msgspec.Raw = msgspec.Raw(b"null")


class Asked(Struct, frozen=True):
    """What was asked.

    Attributes:
        model: the model's name.
        prompt: the most prompt tokens, as far as the request tells; None where it does not.
        contexts: how many times a model reads: once for each input that stands for itself.
        completion: the most tokens of one answer; None where the client left it to the model.
        answers: how many answers.
        body: the body that asks a stream for its usage, where the client's does not; else None.
    """

    model: str
    prompt: int | None
    contexts: int
    completion: int | None
    answers: int
    body: bytes | None

    def most(self, price: ModelPrice) -> Tokens:
        """Return the most tokens that the answer to it can use, at their dearest."""
        takes = self.contexts * price.max_input
        prompt = takes if self.prompt is None else min(self.prompt, takes)
        each = price.max_output if self.completion is None else self.completion
        return price.most(prompt, self.answers * each)


def read_asked(data: bytes, *, path: str = "", streams_say_usage: bool) -> Asked:
    """Read a request's body.

    Args:
        data: the whole body.
        path: the path that the upstream gets; a model that it names has to be the body's.
        streams_say_usage: whether a stream can be asked for its usage (``include_usage``).

    Raises:
        ValueError: it says nothing that can be priced, or not the same to every parser; the
            message says why and repeats nothing of it.
    """
    found = members(data, READ | ELSEWHERE)
    for name in sorted(found.keys() & ELSEWHERE):
        if data[found[name].start : found[name].end] != b"null":
            raise ValueError(f"{name} may have another model answer than the one that is priced")
    try:
        wish = msgspec.json.decode(data, type=_Wish)
    except msgspec.ValidationError as error:
        raise ValueError(_worded(error)) from None
    if not all(f"{rest}/".startswith(f"{wish.model}/") for rest in _after_naming(path)):
        raise ValueError("its path names another model than its body")
    limits = (wish.max_tokens, wish.max_completion_tokens, wish.max_output_tokens)
    prompts = _inputs(wish.prompt)
    return Asked(
        model=wish.model,
        prompt=len(data) + ALLOWANCE if is_plain_text(data) else None,
        contexts=max(prompts, _inputs(wish.input)),
        # Some servers take 0 for no limit.
        completion=max((limit for limit in limits if limit), default=None),
        answers=max(wish.n or 1, wish.best_of or 1) * prompts,
        body=with_usage(data, found) if wish.stream and streams_say_usage else None,
    )


def _after_naming(path: str) -> Iterator[str]:
    """Yield what stands in a path where the name of a model has to begin."""
    segments = path.split("/")
    for place, segment in enumerate(segments, 1):
        if segment.casefold() in NAMING and any(segments[place:]):
            yield "/".join(segments[place:])


def _inputs(raw: msgspec.Raw) -> int:
    """Return how many inputs stand there, each for itself: texts, or texts as token numbers.

    Of very many, more than there are: commas are counted, those in texts too.
    """
    commas = bytes(raw).count(b",")
    if commas > COMMAS_MAX:
        return commas + 1
    try:
        given = msgspec.json.decode(raw, type=list[msgspec.Raw])
    except msgspec.ValidationError:
        return 1
    if not given or not bytes(given[0]).startswith((b'"', b"[")):
        return 1
    return len(given)


def _worded(error: msgspec.ValidationError) -> str:
    """Say which member is at fault, as msgspec does; it repeats no value."""
    return str(error).replace("`", "").replace("$.", "")
