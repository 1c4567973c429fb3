"""What a part must be able to do: one verb each, in the order a request meets them.

Every asynchronous verb is called under a deadline: a part that is late is cancelled, and
the request refused. Raise a `Refusal` to refuse for a reason the client may hear; anything
else that escapes is a `Failure` and answered 503. Parts are shared by all requests at once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, Protocol, TypeVar, runtime_checkable

from msgspec import Struct

from caracal_core.domain import (
    Access,
    Agent,
    Cause,
    Charge,
    Decision,
    Exchange,
    HashKey,
    Headers,
    Money,
    Nonce,
    Principal,
    Receipt,
    Reply,
    Request,
    Reservation,
    Route,
    Terms,
)


@runtime_checkable
class FileReader(Protocol):
    """Reads a file that the configuration names: a key, a certificate, a secret."""

    async def read(self) -> bool:
        """Read it as it is now, and return whether something else is in force than before.

        Nothing is opened that would have to be closed. What is slow is done in a thread.

        Raises:
            Misconfigured: it cannot be read or used, with the key that names it, the file and
                the mend, and without what stands in it. What was in force stays.
        """


@runtime_checkable
class Router(Protocol):
    """Says which route a request takes."""

    @property
    def routes(self) -> Mapping[str, Terms]:
        """The terms of every route this router can answer with, by id; fixed at boot."""

    async def match(self, request: Request) -> Route | None:
        """Return the route, or None where it is not this router's.

        It may look at the bounded body (`Body.peek`).

        Raises:
            MethodNotAllowed: the path is this router's and the method is not accepted.
            BadRequest: the path is this router's and the request makes no sense to it.
        """


@runtime_checkable
class Authenticator(Protocol):
    """Proves who asks, by one scheme."""

    @property
    def scheme(self) -> str:
        """The authentication mode's name, as in AUTH_MODE: ``jwt``, ``mtls``, ``api_key``."""

    @property
    def challenge(self) -> str:
        """The ``WWW-Authenticate`` challenge of RFC 9110; empty where the scheme has none."""

    @property
    def headers(self) -> frozenset[str]:
        """The lower-case names of the request header fields in which it looks for its credential.

        Empty where it proves by the connection. Fixed at boot: no upstream ever gets a field of
        one of these names, and two credentials in header fields are refused.
        """

    async def authenticate(self, request: Request) -> Principal | None:
        """Return the proven principal, or None where no credential of this scheme was shown.

        Raises:
            Unauthenticated: a credential of this scheme was shown and is bad. Nobody else
                is asked.
        """


@runtime_checkable
class AgentDirectory(Protocol):
    """Knows the registered agents."""

    async def find(self, name: str) -> Agent | None:
        """Return the agent of this name, at most 2 seconds out of date, or None."""


@runtime_checkable
class ReplayGuard(Protocol):
    """Remembers which nonces were used."""

    async def claim(self, nonce: Nonce) -> bool:
        """Return True for the first claim of a scope and value, False for each later one.

        Exactly one of any number of simultaneous claims gets True. A live nonce is never
        forgotten to make room.

        Raises:
            Failure: it cannot tell, or the store is full.
        """


@runtime_checkable
class Policy(Protocol):
    """Judges an access."""

    async def decide(self, access: Access) -> Decision | None:
        """Return permit or deny, or None where this policy has no opinion."""


@runtime_checkable
class NamesRoutes(Protocol):
    """A policy that names routes, so that a name no router has is refused at boot."""

    @property
    def routes_named(self) -> frozenset[str]:
        """The ids of the routes it speaks of by name; fixed at boot."""


@runtime_checkable
class Tariff(Protocol):
    """Quotes prices."""

    @property
    def names(self) -> frozenset[str]:
        """The tariffs it can quote by; a route that names another is refused at boot."""

    async def quote(self, request: Request, route: Route, principal: Principal) -> Money:
        """Return the most that this request may cost on a route with a tariff.

        Raises:
            BadRequest: the request cannot be priced. It is refused, never free.
        """


@runtime_checkable
class Reading(Protocol):
    """One reply's meter, fed while the reply streams to the client."""

    def feed(self, data: bytes) -> None:
        """Look at the next bytes of the reply's body."""

    def cost(self) -> Money | None:
        """Return what the reply did cost once it ended, or None where it did not say."""


@runtime_checkable
class Meter(Protocol):
    """Reads from a reply what it did cost."""

    def recognise(self, reply: Reply, route: Route) -> Reading | None:
        """Return a reading for a reply of this meter's kind, or None. Must not wait."""


@runtime_checkable
class Ledger(Protocol):
    """Holds and books money: exact, durable, once.

    The verbs are plain calls that take the work over at once and return its receipt to wait
    for. Cancelling the waiter never cancels the work. The verbs of one charge id are done in
    the order they were called; each may be repeated. A void of an unknown id is remembered,
    so that a reserve that comes after it fails.
    """

    def reserve(self, charge: Charge) -> Awaitable[Reservation]:
        """Hold the amount in every window of every budget on the account path, or not at all.

        The receipt raises `BudgetExceeded` where it does not fit and `Failure` where the
        store cannot be asked.
        """

    def post(self, id: str, amount: Money, cause: Cause) -> Awaitable[Receipt]:
        """End the reservation as spent; retried until it is durable, never dropped."""

    def void(self, id: str, cause: Cause) -> Awaitable[Receipt]:
        """End the reservation as not spent; retried until it is durable, never dropped."""


@runtime_checkable
class Upstream(Protocol):
    """Answers a request."""

    @property
    def reply_seconds(self) -> float:
        """How long it may take to begin its reply once the request was sent."""

    def send(
        self, request: Request, route: Route, on_sent: Callable[[], None]
    ) -> AbstractAsyncContextManager[Reply]:
        """Send the request to ``route.target`` and give the reply once its head is here.

        Call ``on_sent`` just before the first byte leaves: from then on the call may cost.
        Leaving the context ends the upstream's work, finished or not. The fields in which the
        enabled authenticators look for a credential are not in the request any more; the usual
        ones, and every header of the client's that the upstream's allow rule does not let pass
        by its name, stay behind too. Nothing is sent twice.

        Raises:
            UpstreamUnreachable: it refused, reset, or broke HTTP; also from the body.
            UpstreamTimeout: it did not answer in time.
            Denied: the address may not be dialled.
        """


@runtime_checkable
class ReplyFilter(Protocol):
    """Changes or refuses a reply before its head goes out."""

    async def filter(self, reply: Reply, route: Route) -> Reply:
        """Return the reply to deliver, which may be the same one."""


@runtime_checkable
class Observer(Protocol):
    """Learns what happened."""

    async def observe(self, exchange: Exchange) -> None:
        """Take note of a finished exchange. Errors are counted; the client never waits."""


@runtime_checkable
class HealthCheck(Protocol):
    """Says whether a part can work."""

    @property
    def name(self) -> str:
        """A short word for reports, such as ``database``."""

    async def check(self) -> str | None:
        """Return None while well, else one sentence on what is wrong, without secrets."""


class Endpoint(Struct, frozen=True):
    """A read-only page of a plugin on the operations port, under ``/-/<plugin>/<path>``.

    Attributes:
        path: relative path without a leading slash; empty for the plugin's own page.
        answer: returns a value that can be written as JSON; called for each GET.
    """

    path: str
    answer: Callable[[], Awaitable[object]]


class Migrations(Struct, frozen=True):
    """A plugin's own tables.

    Attributes:
        app: the name of the history, unique among plugins.
        models: dotted name of the module with the Tortoise models.
        directory: absolute path of the directory with the reviewed migration files.
    """

    app: str
    models: str
    directory: str


Dialect = Literal["sqlite", "postgresql"]
Row = Mapping[str, object]
T = TypeVar("T")


@runtime_checkable
class Statements(Protocol):
    """Runs SQL; positional parameters are written ``$1``, ``$2`` in both dialects."""

    async def fetch(self, sql: str, *arguments: object) -> Sequence[Row]:
        """Run one statement and return its rows, RETURNING rows included."""

    async def execute(self, sql: str, *arguments: object) -> int:
        """Run one statement and return how many rows it touched."""


Transaction = Callable[[Statements], Coroutine[Any, Any, T]]
"""An async function that does its work with the statements it is given."""


@runtime_checkable
class Database(Statements, Protocol):
    """The store that survives: PostgreSQL, or the embedded SQLite.

    Raises `Failure` from every verb where it cannot be reached in DB_POOL_TIMEOUT.
    """

    @property
    def dialect(self) -> Dialect:
        """Which dialect the SQL has to be written in."""

    async def transact(self, work: Transaction[T]) -> T:
        """One short transaction: committed when the work returns, rolled back by any exception.

        SQLite takes its write lock at the start (``BEGIN IMMEDIATE``) and commits the works that
        wait at the same time together; each is done or rolled back by itself.

        Args:
            work: what to do. It waits for nothing but its statements: where the store is SQLite it
                runs in another thread, and is rolled back where it waits for something else.
                The statements may not be used after it.

        Returns:
            What the work returned, once it is committed.

        Raises:
            Failure: it cannot be committed. Where the caller is cancelled, or the answer of the
                commit is lost, it is done or it is not.
        """


class Clock(Protocol):
    """Tells the time; tests bring their own."""

    def now(self) -> float:
        """Return unix seconds."""

    def monotonic(self) -> float:
        """Return seconds that never go back, for measuring."""


class SecretSource(Struct, frozen=True):
    """Where a secret stands: exactly one of a file or an environment variable."""

    file: str | None = None
    env: str | None = None


class Secrets(Protocol):
    """Reads secrets from where the operator put them."""

    def read(self, source: SecretSource) -> str:
        """Return the secret without the newline at its end.

        Raises:
            Misconfigured: the file or variable does not exist, cannot be read, or is empty.
        """


class Fetched(Struct, frozen=True):
    """A document that was fetched, or what came in its place.

    Attributes:
        status: the HTTP status, 200-599; a redirect is not followed.
        headers: the reply's end-to-end fields.
        body: the whole body, as it was sent.
    """

    status: int
    headers: Headers
    body: bytes


@runtime_checkable
class Http(Protocol):
    """Fetches documents that the operator named, such as an issuer's keys.

    Never give it a URL, or a part of one, that a client sent.
    """

    async def get(
        self,
        url: str,
        *,
        most_bytes: int,
        seconds: float,
        ca_file: str | None = None,
        allow_private: bool = False,
        allow_http: bool = False,
    ) -> Fetched:
        """Return the answer to one GET: nothing followed, remembered, decompressed or repeated.

        Args:
            url: an absolute ``https`` URL.
            most_bytes: the longest body.
            seconds: how long all of it may take.
            ca_file: PEM file of the only authorities that the certificate may come from; None
                takes the system's.
            allow_private: whether the address that is dialled may be a loopback, private or
                other non-public one. Metadata addresses never may.
            allow_http: whether the URL may be ``http``.

        Raises:
            Failure: there is no whole answer, or the URL or the address may not be asked.
        """


class HashKeys(Protocol):
    """The deployment's own secret keys, the same for all its gateways."""

    def read(self) -> Sequence[HashKey]:
        """Read their file anew and return them, one at least.

        The first makes hashes, all of them verify. It waits for the disk: call it in a thread.

        Raises:
            Misconfigured: the file cannot be had or holds no usable keys.
        """


class Counter(Protocol):
    """A number that only grows."""

    def add(self, amount: float = 1) -> None:
        """Add to it."""


class Histogram(Protocol):
    """How values spread over ranges."""

    def observe(self, value: float) -> None:
        """Count a value."""


class Metrics(Protocol):
    """Makes metrics, named ``caracal_<plugin>_<name>``; labels must be few and bounded."""

    def counter(self, name: str, help: str, **labels: str) -> Counter:
        """Return the counter of this name and these label values, made at first use."""

    def histogram(self, name: str, help: str, bounds: Sequence[float], **labels: str) -> Histogram:
        """Return the histogram of this name and these label values, made at first use.

        ``bounds`` are the upper bounds of its ranges, rising.
        """

    def gauge(self, name: str, help: str, read: Callable[[], float]) -> None:
        """Publish a number that is read at each scrape."""


Deliver = Callable[[Reply, Callable[[], Awaitable[None]]], Awaitable[None]]
"""The edge's way to hand a reply to the client: it writes the head and streams the body, and
awaits the second argument, the settlement, before the last byte leaves."""
