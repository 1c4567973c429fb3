"""Trivial parts: one for every port, each with a `Behaviour` and nothing else to it.

``TrivialPolicy(deny)`` denies, ``TrivialLedger(slow)`` hangs, ``TrivialRouter()`` allows. A
part given a ``journal`` notes there, in order, each of its verbs that was called.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import NoReturn, TypeVar

from caracal_core.domain import (
    Access,
    Agent,
    Basis,
    Cause,
    Charge,
    Decision,
    Exchange,
    Headers,
    Money,
    Nonce,
    Principal,
    Quote,
    Receipt,
    Reply,
    Request,
    Reservation,
    Route,
    Terms,
)
from caracal_core.errors import (
    BadRequest,
    BudgetExceeded,
    Denied,
    Misconfigured,
    Unauthenticated,
)
from caracal_core.testing.fakes.behaviour import Behaviour, allow
from caracal_core.testing.fakes.script import stream
from caracal_core.testing.fakes.values import usd

T = TypeVar("T")


def _raises(error: Exception) -> Callable[[], NoReturn]:
    """Return a call that raises the error."""

    def answer() -> NoReturn:
        raise error

    return answer


class _Trivial:
    """What all trivial parts are made of."""

    def __init__(self, behave: Behaviour = allow, journal: list[str] | None = None) -> None:
        self._behave = behave
        self.journal = journal if journal is not None else []

    async def answer(self, verb: str, yes: Callable[[], T], no: Callable[[], T]) -> T:
        """Note the verb and behave."""
        self.journal.append(verb)
        return await self._behave(yes, no)


class TrivialRouter(_Trivial):
    """Sends everything over one route; denied, it knows none.

    Args:
        behave: what it does when asked.
        journal: where its verbs are noted.
        terms: the route's terms; a free route to ``test-upstream`` unless told otherwise.
    """

    def __init__(
        self,
        behave: Behaviour = allow,
        journal: list[str] | None = None,
        terms: Terms | None = None,
    ) -> None:
        super().__init__(behave, journal)
        self._terms = terms or Terms(upstream="test-upstream")

    @property
    def routes(self) -> Mapping[str, Terms]:
        return {"test-route": self._terms}

    async def match(self, request: Request) -> Route | None:
        target = f"{request.path}?{request.query}" if request.query else request.path
        route = Route("test-route", request.method, request.path, target, self._terms)
        return await self.answer("match", lambda: route, lambda: None)


class TrivialAuthenticator(_Trivial):
    """Proves ``test-agent`` without looking; denied, it says 'mine and bad'."""

    scheme = "test"
    challenge = "Test"
    headers = frozenset({"authorization"})

    async def authenticate(self, _request: Request) -> Principal | None:
        proven = Principal("test-agent", self.scheme)
        refusal = _raises(Unauthenticated("denied on purpose"))
        return await self.answer("authenticate", lambda: proven, refusal)


class TrivialDirectory(_Trivial):
    """Knows every agent, with an account of its own name; denied, it knows nobody."""

    async def find(self, name: str) -> Agent | None:
        agent = Agent(name, enabled=True, accounts=(name,))
        return await self.answer("find", lambda: agent, lambda: None)


class TrivialRevocations(_Trivial):
    """Knows of no revoked credential; denied, it calls every one revoked."""

    def known(self, _principal: Principal) -> bool | None:
        return None

    async def revoked(self, _principal: Principal) -> bool:
        return await self.answer("revoked", lambda: False, lambda: True)


class TrivialReplayGuard(_Trivial):
    """Calls every nonce fresh; denied, it calls every nonce used."""

    async def claim(self, _nonce: Nonce) -> bool:
        return await self.answer("claim", lambda: True, lambda: False)


class TrivialPolicy(_Trivial):
    """Permits everything; denied, it denies everything."""

    async def decide(self, _access: Access) -> Decision | None:
        permit, denial = Decision(permit=True, policy="test"), Decision(permit=False, policy="test")
        return await self.answer("decide", lambda: permit, lambda: denial)


class TrivialTariff(_Trivial):
    """Quotes 0.25 USD for everything; denied, it cannot price the request.

    Args:
        behave: what it does when asked.
        journal: where its verbs are noted.
        names: the tariffs that it has.
    """

    def __init__(
        self,
        behave: Behaviour = allow,
        journal: list[str] | None = None,
        names: frozenset[str] = frozenset({"test-tariff"}),
    ) -> None:
        super().__init__(behave, journal)
        self.names = names

    async def quote(self, _request: Request, _route: Route, _principal: Principal) -> Quote:
        quote = Quote(usd("0.25"))
        return await self.answer("quote", lambda: quote, _raises(BadRequest()))


class TrivialLedger:
    """Holds whatever it is asked to and remembers nothing; denied, no budget covers it.

    Args:
        reserve: how the reserve behaves.
        journal: where its verbs are noted.
        post: how the post behaves.
        void: how the void behaves.
    """

    def __init__(
        self,
        reserve: Behaviour = allow,
        journal: list[str] | None = None,
        post: Behaviour = allow,
        void: Behaviour = allow,
    ) -> None:
        self._reserve = _Trivial(reserve, journal)
        self._post = _Trivial(post, journal)
        self._void = _Trivial(void, journal)

    def reserve(self, charge: Charge) -> Awaitable[Reservation]:
        held = Reservation(charge.id, charge.amount, expires_at=1_900_000_000.0)
        refusal = _raises(BudgetExceeded(charge.amount, charge.agent, "day"))
        return asyncio.ensure_future(self._reserve.answer("reserve", lambda: held, refusal))

    def post(
        self, id: str, amount: Money, cause: Cause, _basis: Basis = "held"
    ) -> Awaitable[Receipt]:
        receipt = Receipt(id, "posted", amount, cause)
        return asyncio.ensure_future(self._post.answer("post", lambda: receipt, lambda: receipt))

    def void(self, id: str, cause: Cause) -> Awaitable[Receipt]:
        receipt = Receipt(id, "voided", usd("0"), cause)
        return asyncio.ensure_future(self._void.answer("void", lambda: receipt, lambda: receipt))


class TrivialUpstream(_Trivial):
    """Answers 200 and ``ok``; denied, the address may not be dialled.

    Args:
        behave: what it does before it gives the reply.
        journal: where ``send`` and ``leave`` are noted.
        reply_seconds: how long it says that it may take.
    """

    def __init__(
        self,
        behave: Behaviour = allow,
        journal: list[str] | None = None,
        reply_seconds: float = 30.0,
    ) -> None:
        super().__init__(behave, journal)
        self.reply_seconds = reply_seconds

    def send(
        self, _request: Request, _route: Route, on_sent: Callable[[], None]
    ) -> _TrivialSending:
        return _TrivialSending(self, on_sent)


class _TrivialSending:
    """One call of a trivial upstream."""

    def __init__(self, upstream: TrivialUpstream, on_sent: Callable[[], None]) -> None:
        self._upstream = upstream
        self._on_sent = on_sent

    async def __aenter__(self) -> Reply:
        return await self._upstream.answer("send", self._reply, _raises(Denied()))

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._upstream.journal.append("leave")

    def _reply(self) -> Reply:
        self._on_sent()
        return Reply(200, Headers([("content-type", "text/plain")]), stream([b"ok"]), 2)


class TrivialReplyFilter(_Trivial):
    """Lets every reply pass as it is; denied, it refuses it."""

    async def filter(self, reply: Reply, _route: Route) -> Reply:
        return await self.answer("filter", lambda: reply, _raises(Denied()))


class TrivialObserver(_Trivial):
    """Takes note.

    Attributes:
        exchanges: what it was told, in order.
    """

    def __init__(self, behave: Behaviour = allow, journal: list[str] | None = None) -> None:
        super().__init__(behave, journal)
        self.exchanges: list[Exchange] = []

    async def observe(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)
        await self.answer("observe", lambda: None, lambda: None)


class TrivialFileReader(_Trivial):
    """Finds the file as it was; denied, it does not find it."""

    async def read(self) -> bool:
        missing = Misconfigured("test.file", "it does not exist", "Mount it.")
        return await self.answer("read", lambda: False, _raises(missing))


class TrivialHealthCheck(_Trivial):
    """Is well; denied, it is not."""

    name = "test"

    async def check(self) -> str | None:
        return await self.answer("check", lambda: None, lambda: "unwell on purpose")
