"""A tariff that holds a quarter, and a meter that reads a cent a byte until a full stop."""

from caracal_core.domain import Money, Quote
from caracal_core.plugin import Plugin, hookimpl


class Tariff:
    names = frozenset({"flat"})

    async def quote(self, request, route, principal):
        return Quote(Money.parse("0.25", "USD"), price="flat/byte@1", metered=True)


class Reading:
    count, complete = 0, False

    def feed(self, data):
        self.count += len(data)
        self.complete = data.endswith(b".")
        return data

    def cost(self):
        return Money(self.count * 10_000, "USD")

    def known(self, delivered):
        return Money(delivered * 10_000, "USD")


class Meter:
    def recognise(self, reply, route, quote):
        return Reading()


class ByBytePlugin(Plugin):
    @hookimpl
    def tariff(self, services):
        return Tariff()

    @hookimpl
    def meters(self, services):
        return [Meter()]
