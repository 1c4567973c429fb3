"""A process that serves a fake house until a signal; the tests of the server start it.

Arguments: the seconds of delay and of grace, and a directory with certificates or nothing.
SIGUSR1 lets held requests go. At its end it prints what became of them.
"""

import asyncio
import json
import signal
import sys
from pathlib import Path

import uvloop

from caracal_core.assembly.logs import configure_logging
from caracal_core.assembly.masking import Masking
from caracal_core.assembly.readiness import Readiness
from caracal_core.assembly.services import SystemClock
from caracal_core.config.address import Address
from caracal_core.config.tls import TlsConfig
from caracal_core.domain import Headers, Reply
from caracal_core.edge.limits import Limits
from caracal_core.edge.operations import Operations
from caracal_core.edge.server import Stopping, serve
from caracal_core.edge.tls import certificates
from caracal_core.testing.fakes.services import FakeMetrics


class House:
    """Answers ``/held`` once it is let go, and everything else at once."""

    limits = Limits()

    def __init__(self):
        self.accepting = True
        self.go = asyncio.Event()
        self.empty = asyncio.Event()
        self.told = {"answered": 0, "cancelled": 0, "settled": 0}
        self.inside = 0
        self._readiness = Readiness(list, SystemClock())

    @property
    def ready(self):
        return self.accepting and self._readiness.ready

    async def findings(self):
        return await self._readiness.findings()

    def metrics(self):
        return f"inside {self.inside}\n".encode()

    def plugins(self):
        return []

    def configuration(self):
        return {}

    def endpoints(self):
        return {}

    def refused(self, id, peer, error):
        pass

    async def exchange(self, request, deliver):
        self.inside += 1
        self.empty.clear()
        try:
            if request.path == "/held":
                await self.go.wait()
            await deliver(Reply(200, Headers(), _body(), 2), _settle)
            self.told["answered"] += 1
        except asyncio.CancelledError:
            self.told["cancelled"] += 1
            raise
        finally:
            asyncio.get_running_loop().call_later(0.05, self._settle)

    def _settle(self):
        """Settle a little later, as a ledger would."""
        self.told["settled"] += 1
        self.inside -= 1
        if not self.inside:
            self.empty.set()

    def dismiss(self):
        """Note that it was told before the connections were cut."""
        self.told["dismissed"] = self.inside

    async def close(self):
        if self.inside:
            await self.empty.wait()
        line = json.dumps({"event": "closed", **self.told})
        print(line, flush=True)  # noqa: T201 - the test reads it


async def _body():
    yield b"ok"


async def _settle():
    pass


async def main(delay, grace, directory=None):
    house = House()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, house.go.set)
    listen = Address("127.0.0.1", 0)
    tls = None
    if directory is not None:
        config = TlsConfig(
            cert_file=Path(directory, "server.crt"),
            key_file=Path(directory, "server.key"),
            ca_file=Path(directory, "ca.crt"),
            watch_seconds=0.05,
        )
        tls = certificates(config, listen, FakeMetrics())
    stopping = Stopping(float(delay), float(grace))
    await serve(house, Operations(house), listen, listen, tls, stopping)


if __name__ == "__main__":
    configure_logging("INFO", Masking())
    uvloop.run(main(*sys.argv[1:]))
