"""What a quote hands to the meter: the price it was computed by, and what it was for."""

from __future__ import annotations

from msgspec import Struct

from caracal_core.builtin.tariffs.price import ModelPrice, Price
from caracal_core.domain import Body


class Priced(Struct, frozen=True):
    """A quote's memo.

    Attributes:
        price: the version of the tariff.
        model: the price of the model that was asked for, if the tariff prices tokens.
        body: the request's body, whose bytes are counted as they come.
        began_at: when the request's head was complete, in seconds that never go back.
        keeps_usage: whether the stream says its usage at our wish: the client does not get it.
    """

    price: Price
    model: ModelPrice | None
    body: Body
    began_at: float
    keeps_usage: bool = False
