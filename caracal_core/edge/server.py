"""The life of a gateway's process: both ports on one loop, and a stop that resets nobody."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager, nullcontext
from time import monotonic
from typing import Protocol

from msgspec import Struct

from caracal_core.config.address import Address
from caracal_core.config.problems import Problems
from caracal_core.edge.app import GatewayApp
from caracal_core.edge.door import Door
from caracal_core.edge.port import LOOK_SECONDS, Port, wait
from caracal_core.edge.tls import Certificates
from caracal_core.errors import Failure
from caracal_core.following import following
from caracal_core.garbage import spare_what_stays

QUIET_SECONDS = 1.0
"""How long a kept connection may carry a request that is on its way while the stop begins."""

CLOSE_SECONDS = 30.0
"""How long the house may take to settle and close."""

Announce = Callable[[str, str], None]
"""Tells whoever started the process that it listens, and the URLs of both its ports."""

_NOTHING = nullcontext()

_log = logging.getLogger("caracal.server")


class House(Door, Protocol):
    """The house as its process sees it.

    Attributes:
        accepting: set to False once it is to stop; `ready` is False from then on.
    """

    accepting: bool

    @property
    def inside(self) -> int:
        """How many exchanges have not ended, those that go on without their clients included."""

    def dismiss(self) -> None:
        """End every exchange that is still inside; they are the house's to end, not clients'."""

    async def close(self) -> None:
        """Wait until every exchange is settled and told, and close everything."""


class Stopping(Struct, frozen=True):
    """How long a stop takes.

    Attributes:
        delay: seconds in which the gateway says that it is not ready and serves as before, so
            that whoever sends it connections learns of it.
        grace: seconds that requests in service then have to finish.
    """

    delay: float = 0.0
    grace: float = 30.0


class Signals:
    """SIGTERM and SIGINT: the first one asks for a stop, the second one for a quick one.

    Attributes:
        stop: set by the first.
        hurry: set by the second.
    """

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.hurry = asyncio.Event()

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Catch them in here; nothing is killed by one."""
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGTERM, signal.SIGINT)
        for number in numbers:
            loop.add_signal_handler(number, self._note)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    def _note(self) -> None:
        (self.hurry if self.stop.is_set() else self.stop).set()


def announce(gateway: str, operations: str) -> None:
    """Say on standard output, as one line of JSON, that both ports listen and where."""
    line = {"event": "listening", "gateway": gateway, "operations": operations}
    print(json.dumps(line), flush=True)  # noqa: T201 - whoever started us waits for this line


async def serve(
    house: House,
    operations: Door,
    listen: Address,
    operations_listen: Address,
    certificates: Certificates | None,
    stopping: Stopping,
    announce: Announce = announce,
    watching: AbstractAsyncContextManager[None] = _NOTHING,
) -> None:
    """Serve until a signal, then stop without resetting anybody.

    The operations port answers to the very end. The house is open already, and is closed
    here, come what may.

    Args:
        house: behind the agents' port.
        operations: behind the operations port.
        listen: the agents' port.
        operations_listen: the operations port.
        certificates: what the agents' port proves itself with; None serves plain HTTP.
        stopping: how long a stop takes.
        announce: called once both ports listen.
        watching: entered before they do, and left before the house closes, which would wait for
            whatever changes it.

    Raises:
        Misconfigured: an address cannot be listened on; all that cannot are told.
        Failure: the house did not close in time.
    """
    tls = certificates.context if certificates else None
    agents = Port(GatewayApp("caracal", house), listen, tls, ("listen", "LISTEN_ADDRESS"))
    operators = _operators_port(operations, operations_listen)
    signals = Signals()
    async with AsyncExitStack() as stack:
        stack.enter_context(signals.caught())
        stack.push_async_callback(operators.close)
        stack.push_async_callback(_close, house)
        await stack.enter_async_context(watching)
        stack.push_async_callback(agents.close)
        stack.callback(house.dismiss)  # before its connections are cut, which looks like hang-ups
        await _open([agents, operators])
        if certificates is not None:
            await stack.enter_async_context(following([certificates.follower]))
        spare_what_stays()
        announce(agents.url, operators.url)
        await signals.stop.wait()
        await _drain(house, agents, stopping, signals.hurry)


def _operators_port(operations: Door, listen: Address) -> Port:
    app = GatewayApp("caracal-operations", operations, health_path=None)
    return Port(app, listen, None, ("operations.listen", "OPERATIONS_LISTEN_ADDRESS"))


async def _open(ports: Sequence[Port]) -> None:
    """Take all addresses, or tell of all that cannot be had; then serve."""
    problems = Problems()
    for port in ports:
        with problems.collected():
            port.bind()
    problems.refuse()
    for port in reversed(ports):
        await port.open()


async def _drain(house: House, agents: Port, stopping: Stopping, hurry: asyncio.Event) -> None:
    """Finish what is in service; every answer from now on ends its connection."""
    _log.info("stopping")
    house.accepting = False
    await wait(hurry, stopping.delay)
    agents.stop_listening()
    now = monotonic()
    until = now + stopping.grace
    await agents.finish(now + QUIET_SECONDS, until, hurry)
    while house.inside and monotonic() < until and not hurry.is_set():
        await wait(hurry, LOOK_SECONDS)  # calls go on whose clients are gone


async def _close(house: House) -> None:
    house.accepting = False
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await house.close()
    except TimeoutError:
        raise Failure("gateway", f"it did not close in {CLOSE_SECONDS:g} s") from None
    _log.info("stopped")
