"""The usage that a streamed reply of a language model says, in one of its events."""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct

from caracal_core.builtin.meters.event_stream import EventStream
from caracal_core.builtin.meters.usage import Usage
from caracal_core.builtin.tariffs.price import Tokens

_DONE = b"[DONE]"
_STARTED = "message_start"
_TOLD = "message_delta"
_ENDED = frozenset({"response.completed", "response.incomplete", "response.failed"})


class _Said(Struct, frozen=True):
    """What an event carries: a message of Anthropic's, or a response of OpenAI's."""

    usage: Usage | None = None


class _Delta(Struct, frozen=True):
    """What changes with the last but one event of a message of Anthropic's."""

    stop_reason: str | None = None


class _Event(Struct, frozen=True):
    """An event that may say usage: a chunk of OpenAI's, or an event of one of the others."""

    type: str | None = None
    choices: list[Raw] | None = None
    usage: Usage | None = None
    message: _Said | None = None
    response: _Said | None = None
    delta: Raw = Raw(b"null")

    @property
    def said(self) -> Usage | None:
        """The usage, wherever it stands."""
        for each in (self.message, self.response):
            if each is not None and each.usage is not None:
                return each.usage
        return self.usage

    @property
    def ends(self) -> bool:
        """Whether the usage is that of the whole reply, whatever still comes."""
        return self.choices == [] or self.type in _ENDED or self._stops

    @property
    def _stops(self) -> bool:
        if self.type != _TOLD:
            return False
        try:
            return msgspec.json.decode(self.delta, type=_Delta).stop_reason is not None
        except msgspec.MsgspecError:
            return False


class StreamedUsage:
    """Reads a stream's usage.

    OpenAI's chunks and responses say it at the end. Anthropic's message says what it read at its
    start and what it wrote at its end; until then it has said nothing that it costs. A usage that
    is no usage, such as a negative one, spoils the reading.

    Args:
        keeps_usage: whether the chunk that bears nothing but the usage is kept from the client.
    """

    __slots__ = ("_has_ended", "_is_spoiled", "_is_told", "_stream", "_usage")

    def __init__(self, *, keeps_usage: bool) -> None:
        self._stream = EventStream(self._read, may_keep=keeps_usage)
        self._usage = Usage()
        self._is_told = self._has_ended = self._is_spoiled = False

    @property
    def complete(self) -> bool:
        """Whether nothing that is still to come changes the usage."""
        return self._has_ended and self.tokens() is not None

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes; return what the client gets now."""
        return self._stream.feed(data)

    def tokens(self) -> Tokens | None:
        """Return the tokens as far as they were said, or None."""
        return self.said() if self._is_told else None

    def said(self) -> Tokens | None:
        """Return the least that was used, which a message says at its start, or None."""
        return None if self._is_spoiled else self._usage.tokens()

    def _read(self, data: bytes) -> bool:
        """Read an event; return whether the client gets it, where any may be kept from it."""
        if b'"usage"' not in data:
            self._has_ended |= data == _DONE or b'"message_stop"' in data
            return True
        try:
            event = msgspec.json.decode(data, type=_Event)
        except msgspec.ValidationError:
            self._is_spoiled = True
            return True
        except (msgspec.MsgspecError, RecursionError):
            return True
        if event.said is None:
            return True
        self._usage = event.said.after(self._usage)
        self._is_told |= event.type != _STARTED
        self._has_ended |= event.ends
        return event.choices != []
