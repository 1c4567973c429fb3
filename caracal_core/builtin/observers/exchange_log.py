"""The story of every exchange, as one JSON line on standard output."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec

from caracal_core.builtin.observers.line_writer import LineWriter
from caracal_core.domain import Exchange
from caracal_core.plugin import Config, Plugin, Services, hookimpl
from caracal_core.ports import Observer

STANDARD_OUTPUT = 1
CLOSE_SECONDS = 5.0

_TOLD = b'{"event":"exchange","level":"INFO",'
_FAILED = b'{"event":"exchange","level":"WARNING",'


class ExchangeLog:
    """The observer. An exchange that a part failed is a warning, any other one information.

    An `Exchange` holds no credential, and JSON escapes whatever could end a line.
    """

    def __init__(self, writer: LineWriter, log: logging.Logger) -> None:
        self._writer = writer
        self._log = log
        self._encode = msgspec.json.Encoder().encode

    async def observe(self, exchange: Exchange) -> None:
        failed = exchange.part is not None
        if self._log.isEnabledFor(logging.WARNING if failed else logging.INFO):
            head = _FAILED if failed else _TOLD
            self._writer.put(head + self._encode(exchange)[1:] + b"\n")


class ExchangeLogPlugin(Plugin[Config]):
    """One line for each exchange; LOG_LEVEL=WARNING keeps those that a part failed."""

    at_root = True
    name = "exchange_log"

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._writer = LineWriter(STANDARD_OUTPUT)

    @hookimpl
    @asynccontextmanager
    async def lifespan(self, services: Services) -> AsyncIterator[None]:
        """Write until the last exchange was told, and what is waiting then."""
        services.metrics.gauge(
            "lost_lines",
            "Exchanges that could not be written to standard output since the start.",
            lambda: self._writer.lost,
        )
        self._writer.open()
        try:
            yield
        finally:
            await asyncio.to_thread(self._writer.close, CLOSE_SECONDS)

    @hookimpl
    def observers(self, services: Services) -> Sequence[Observer]:
        return [ExchangeLog(self._writer, services.log)]
