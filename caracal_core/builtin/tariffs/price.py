"""One version of a tariff: what is counted, what each of it costs, and the one rounding."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from caracal_core.domain import Money
from caracal_core.domain.globs import Globs

PICO = 1_000_000
"""Millionths of a micro-unit: prices are whole numbers of these, so that all sums are exact."""


class ModelPrice(Struct, frozen=True):
    """What a model's tokens cost, in pico-units each, and how many there can be.

    Attributes:
        prompt: for each prompt token that no cache served.
        cached: for each that a cache served.
        cache_write: for each that was written into a cache.
        completion: for each completion token, those of reasoning included.
        max_input: the most prompt tokens that the model takes at once.
        max_output: the most completion tokens that it gives in one answer.
    """

    prompt: int
    cached: int
    cache_write: int
    completion: int
    max_input: int
    max_output: int

    def most(self, prompt: int, completion: int) -> Tokens:
        """Return the dearest way to use so many prompt and completion tokens."""
        dearest = max(self.prompt, self.cached, self.cache_write)
        if self.prompt == dearest:
            return Tokens(prompt=prompt, completion=completion)
        if self.cached == dearest:
            return Tokens(cached=prompt, completion=completion)
        return Tokens(cache_write=prompt, completion=completion)


class Tokens(Struct, frozen=True):
    """Tokens, none counted twice.

    Attributes:
        prompt: those of the prompt that were read afresh.
        cached: those that a cache served.
        cache_write: those that were written into a cache.
        completion: those of the answer.
    """

    prompt: int = 0
    cached: int = 0
    cache_write: int = 0
    completion: int = 0


class UnitPrice(Struct, frozen=True):
    """What a reply counts itself.

    Attributes:
        each: pico-units for each unit.
        most: how many units a quote assumes.
        header: lower-case name of the reply's field that says how many; None where the body does.
        pointer: the reference tokens of the JSON pointer (RFC 6901) into the body.
    """

    each: int
    most: int
    header: str | None
    pointer: tuple[str, ...]


class Counted(Struct, frozen=True):
    """What a call used, or may use at most; what is not priced need not be counted.

    Attributes:
        request_bytes: bytes of the request's body.
        reply_bytes: bytes of the reply's body.
        seconds: begun seconds from the request's head to the reply's end.
        units: what the reply says of itself.
        tokens: what a model read and wrote.
    """

    request_bytes: int = 0
    reply_bytes: int = 0
    seconds: int = 0
    units: int = 0
    tokens: Tokens = Tokens()


class Models:
    """Prices by model: an exact name first, else the glob with the most characters of its own.

    Args:
        prices: by name, or by a glob of ``*`` and ``?``.
    """

    __slots__ = ("_exact", "_globs")

    def __init__(self, prices: Mapping[str, ModelPrice]) -> None:
        is_glob = {name: bool(set(name) & {"*", "?"}) for name in prices}
        self._exact = {name: price for name, price in prices.items() if not is_glob[name]}
        globs = sorted((name for name in prices if is_glob[name]), key=_breadth)
        self._globs = tuple((Globs((name,)), name, prices[name]) for name in globs)

    def find(self, model: str) -> tuple[str, ModelPrice] | None:
        """Return the key that prices a model, and its price, or None."""
        if (price := self._exact.get(model)) is not None:
            return model, price
        for glob, name, of_glob in self._globs:
            if glob.match(model):
                return name, of_glob
        return None

    def __bool__(self) -> bool:
        return bool(self._exact or self._globs)


class Price(Struct, frozen=True):
    """One version of a tariff; amounts are pico-units.

    Attributes:
        tariff: its name.
        version: a number for one that was set in the database, ``yaml-`` and a digest for one of
            the configuration.
        currency: of every amount.
        per_call: for the call itself.
        per_request_byte: for each byte of the request's body.
        per_reply_byte: for each byte of the reply's body.
        most_reply_bytes: how many of them a quote assumes.
        per_second: for each begun second.
        most_seconds: how many of them a quote assumes.
        unit: what the reply counts itself, if that is priced.
        models: prices of tokens, if those are priced.
    """

    tariff: str
    version: str
    currency: str
    per_call: int
    per_request_byte: int
    per_reply_byte: int
    most_reply_bytes: int
    per_second: int
    most_seconds: int
    unit: UnitPrice | None
    models: Models

    def name(self, model: str | None = None) -> str:
        """Return the name that entries record, such as ``llm_call/gpt-x@3``."""
        return f"{self.tariff}{f'/{model}' if model else ''}@{self.version}"

    @property
    def reads_the_body(self) -> bool:
        """Whether the reply's body says what it did cost."""
        return bool(self.models) or (self.unit is not None and self.unit.header is None)

    def cost(self, counted: Counted, model: ModelPrice | None = None) -> Money:
        """Return what this comes to, rounded up to the micro-unit once, at the end.

        Raises:
            ValueError: it is more than a ledger can hold.
        """
        picos = (
            self.per_call
            + self.per_request_byte * counted.request_bytes
            + self.per_reply_byte * counted.reply_bytes
            + self.per_second * counted.seconds
        )
        if self.unit is not None:
            picos += self.unit.each * counted.units
        if model is not None:
            picos += _tokens(counted.tokens, model)
        return Money(-(-picos // PICO), self.currency)


def _tokens(used: Tokens, model: ModelPrice) -> int:
    return (
        model.prompt * used.prompt
        + model.cached * used.cached
        + model.cache_write * used.cache_write
        + model.completion * used.completion
    )


def _breadth(glob: str) -> tuple[int, str]:
    """Sort the narrowest first."""
    return -len(glob.replace("*", "").replace("?", "")), glob
