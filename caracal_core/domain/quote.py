"""What a call may cost: asked of the tariff before the call, held, and read off afterwards."""

from __future__ import annotations

from msgspec import Struct

from caracal_core.domain.money import Money

LONGEST_PRICE = 128


class Quote(Struct, frozen=True):
    """A tariff's answer.

    Attributes:
        amount: the most the call may cost.
        price: names the version of the price it was computed by, such as ``llm_call/gpt-x@3``: at
            most 128 printable ASCII characters. Each entry of the ledger records it.
        body: what the upstream gets instead of the client's body, where the reply must be asked
            to say its usage; None leaves the client's.
        metered: whether a meter is expected to read the reply. The upstream is then asked for an
            uncompressed reply; one that no meter reads costs what was held, and is marked. Only
            such a call goes on where its client leaves, to learn what it did cost.
        memo: the tariff's own note to its meter, which gets it back untouched; nobody else looks at
            it, and it is not written anywhere.

    Raises:
        ValueError: the price's name is longer, or has other characters.
        TypeError: the amount is no `Money`, or the body no bytes.
    """

    amount: Money
    price: str = ""
    body: bytes | None = None
    metered: bool = False
    memo: object = None

    def __post_init__(self) -> None:
        if not isinstance(self.amount, Money):
            raise TypeError("a quote's amount is Money")
        if self.body is not None and not isinstance(self.body, bytes):
            raise TypeError("a quote's body is bytes, or None")
        if self.price and not (
            len(self.price) <= LONGEST_PRICE and self.price.isascii() and self.price.isprintable()
        ):
            raise ValueError(
                f"a price is named by at most {LONGEST_PRICE} printable ASCII characters"
            )
