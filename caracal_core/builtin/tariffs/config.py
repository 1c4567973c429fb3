"""The root key ``tariffs``: a price book, and what makes a version of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from caracal_core.builtin.tariffs.amounts import Amount, FineAmount, micros, picos
from caracal_core.builtin.tariffs.price import PICO, ModelPrice, Models, Price, UnitPrice
from caracal_core.domain.money import LARGEST
from caracal_core.plugin import Config, setting
from caracal_core.storage.prices import configured

NAMES_MAX = 104
"""The most characters of a tariff's and a model's name together: each entry records both."""

_TOKEN = re.compile(r"(?:[^~]|~[01])*")


def _pointer(text: str) -> str:
    if text and not text.startswith("/"):
        raise ValueError("a JSON pointer (RFC 6901) begins with a slash, such as /usage/pages")
    if not _TOKEN.fullmatch(text):
        raise ValueError("in a JSON pointer (RFC 6901) a ~ is written ~0 and a slash ~1")
    return text


TariffName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
ModelName = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,103}$")]
Pointer = Annotated[str, StringConstraints(max_length=256), AfterValidator(_pointer)]
Bound = Annotated[int, Field(ge=0, le=LARGEST, strict=True)]
"""It bounds money, so it is a whole number as it is written: not a text, ``true`` or ``1.0``."""


class ModelConfig(Config):
    """What a model's tokens cost; every amount is for a million of them."""

    prompt: Amount = setting("0", description="For a million prompt tokens.")
    cached: Amount | None = setting(
        None, description="For a million prompt tokens that a cache served; absent is as prompt."
    )
    cache_write: Amount | None = setting(
        None,
        description="For a million prompt tokens written into a cache; absent is as prompt.",
    )
    completion: Amount = setting(
        "0", description="For a million completion tokens, those of reasoning included."
    )
    max_input: Bound = setting(
        0, description="The most prompt tokens that the model takes at once; bounds the quote."
    )
    max_output: Bound = setting(
        0, description="The most tokens of one answer; the quote where the client names no limit."
    )

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        """A price without its bound could not be quoted."""
        price = self.price
        if max(price.prompt, price.cached, price.cache_write) and not self.max_input:
            raise ValueError("prompt tokens are priced, so that max_input is needed; add it")
        if price.completion and not self.max_output:
            raise ValueError("completion is priced, so that max_output is needed; add it")
        return self

    @property
    def price(self) -> ModelPrice:
        """The price that this says."""
        prompt = micros(self.prompt)
        return ModelPrice(
            prompt=prompt,
            cached=prompt if self.cached is None else micros(self.cached),
            cache_write=prompt if self.cache_write is None else micros(self.cache_write),
            completion=micros(self.completion),
            max_input=self.max_input,
            max_output=self.max_output,
        )


class UnitConfig(Config):
    """What a unit costs that the reply counts itself."""

    price: FineAmount = setting(description="For each unit; at most 12 places.")
    pointer: Pointer | None = setting(
        None, description="JSON pointer (RFC 6901) to the whole number in the reply's body."
    )
    header: str | None = setting(
        None,
        description="Or the reply's header field that bears the number.",
        pattern=r"^[A-Za-z0-9-]{1,64}$",
    )
    most_units: Bound = setting(description="How many units a quote assumes.")

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.pointer is None) == (self.header is None):
            raise ValueError("the number of units stands in one place; give pointer or header")
        return self

    @property
    def unit(self) -> UnitPrice:
        """The price that this says."""
        tokens = (self.pointer or "").split("/")[1:]
        return UnitPrice(
            each=picos(self.price),
            most=self.most_units,
            header=None if self.header is None else self.header.lower(),
            pointer=tuple(token.replace("~1", "/").replace("~0", "~") for token in tokens),
        )


class TariffConfig(Config):
    """What a call may cost: the sum of all that is given."""

    currency: str = setting(
        description="Three capital letters, as in ISO 4217.", pattern=r"^[A-Z]{3}$"
    )
    per_call: Amount | None = setting(
        None,
        description='For each call: a decimal string of at most 6 places, such as "0.002".',
    )
    per_request_byte: FineAmount | None = setting(
        None, description="For each byte of the request's body; at most 12 places."
    )
    per_reply_byte: FineAmount | None = setting(
        None, description="For each byte of the reply's body; at most 12 places."
    )
    most_reply_bytes: Bound | None = setting(
        None, description="How many bytes of the reply a quote assumes."
    )
    per_second: FineAmount | None = setting(
        None,
        description="For each begun second from the request's head to the reply's end; "
        "at most 12 places.",
    )
    most_seconds: Bound | None = setting(None, description="How many seconds a quote assumes.")
    per_unit: UnitConfig | None = setting(
        None, description="For each unit that the reply counts itself."
    )
    models: Annotated[Mapping[ModelName, ModelConfig], Field(max_length=1000)] = setting(
        {},
        description="Prices of tokens by model; an exact name first, else the glob (* and ?) with "
        "the most characters of its own.",
    )

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        """A price without its bound could not be quoted; no price at all is a mistake."""
        prices = ("per_call", "per_request_byte", "per_reply_byte", "per_second", "per_unit")
        if not self.models and all(getattr(self, key) is None for key in prices):
            raise ValueError(f"nothing is priced; give at least one of {', '.join(prices)}, models")
        for price, bound in (
            ("per_reply_byte", "most_reply_bytes"),
            ("per_second", "most_seconds"),
        ):
            if (getattr(self, price) is None) != (getattr(self, bound) is None):
                raise ValueError(f"{price} and {bound} need each other; give both or neither")
        return self

    @property
    def terms(self) -> str:
        """All that this says, as JSON text that is the same for the same terms."""
        said = self.model_dump(mode="json", exclude_none=True, exclude_unset=True)
        return json.dumps(said, sort_keys=True, separators=(",", ":"))

    def version(self, tariff: str) -> str:
        """Return the name of this version where it stands in the configuration."""
        return configured(tariff, self.terms)

    def price(self, tariff: str, version: str) -> Price:
        """Return the price that this says, under a tariff's name and a version."""
        return Price(
            tariff=tariff,
            version=version,
            currency=self.currency,
            per_call=micros(self.per_call or "0") * PICO,
            per_request_byte=picos(self.per_request_byte or "0"),
            per_reply_byte=picos(self.per_reply_byte or "0"),
            most_reply_bytes=self.most_reply_bytes or 0,
            per_second=picos(self.per_second or "0"),
            most_seconds=self.most_seconds or 0,
            unit=None if self.per_unit is None else self.per_unit.unit,
            models=Models({name: each.price for name, each in self.models.items()}),
        )


def _short_enough(tariffs: Mapping[str, TariffConfig]) -> Mapping[str, TariffConfig]:
    for name, tariff in tariffs.items():
        check_names(name, tariff)
    return tariffs


def check_names(tariff: str, config: TariffConfig) -> None:
    """Refuse names that no entry of the ledger can hold.

    Raises:
        ValueError: a model's name is too long beside the tariff's.
    """
    for model in config.models:
        if len(tariff) + len(model) > NAMES_MAX:
            raise ValueError(
                f"{tariff} and {model} have more than {NAMES_MAX} characters together; "
                "shorten one, or use a glob"
            )


class TariffsConfig(Config):
    """The root key of the price book."""

    tariffs: Annotated[
        Mapping[TariffName, TariffConfig], Field(max_length=1000), AfterValidator(_short_enough)
    ] = setting({}, description="Prices, by the names that routes use.")
