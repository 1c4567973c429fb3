"""What a part must be able to do: one verb each, in the order a request meets them.

Every asynchronous verb is called under a deadline: a part that is late is cancelled, and
the request refused. Raise a `Refusal` to refuse for a reason the client may hear; anything
else that escapes is a `Failure` and answered 503. Parts are shared by all requests at once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol, runtime_checkable

from msgspec import Struct

from caracal_core.domain import (
    Access,
    Agent,
    Basis,
    Cause,
    Charge,
    CredentialForm,
    Decision,
    Exchange,
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


@runtime_checkable
class FileReader(Protocol):
    """Reads a file that the configuration names: a key, a certificate, a secret."""

    async def read(self) -> bool:
        """Read it as it is now, and return whether something else is in force than before.

        Nothing is opened that would have to be closed. What is slow is done in a thread of its own
        (`caracal_core.own_thread`); after 10 seconds it counts as a fault.

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
class TakesKinds(Protocol):
    """An authenticator that takes only some of what stands in the header fields it declares.

    `caracal auth plan` goes by it. Where an authenticator does not say, it is taken to take every
    kind that its ``headers`` may hold: ``header:<name>`` for a field of its own, and the
    connection's certificate where it declares none.
    """

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds, in the words of `caracal_core.domain.credential_kinds`; fixed at boot.

        Empty where no request shows its credential, such as one that proves by an address.
        """


@runtime_checkable
class NamesCredentials(Protocol):
    """An authenticator that says what the public names of its credentials look like.

    `caracal revocations add` refuses what looks otherwise, for it would revoke nothing. Where an
    authenticator does not say, every name is taken.
    """

    @property
    def credential_form(self) -> CredentialForm:
        """The form of every `Principal.credential` that it gives; fixed at boot."""


@runtime_checkable
class AgentDirectory(Protocol):
    """Knows the registered agents."""

    async def find(self, name: str) -> Agent | None:
        """Return the agent of this name, at most 2 seconds out of date, or None."""


@runtime_checkable
class Revocations(Protocol):
    """Knows which credentials are refused before their time."""

    def known(self, principal: Principal) -> bool | None:
        """Return the answer of `revoked` where it is known without asking anybody, else None."""

    async def revoked(self, principal: Principal) -> bool:
        """Return whether what proved this principal is revoked, at most 2 seconds out of date.

        It is so by its name within its scheme, or as one of those that the agent was issued
        before an instant; then also where it does not say when it was issued. And it is so where
        anything is that the proof rests on (`Principal.via`).

        Raises:
            Failure: it cannot tell.
        """


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

    async def quote(self, request: Request, route: Route, principal: Principal) -> Quote:
        """Return the most that this request may cost on a route with a tariff, and by what price.

        It may look at the bounded body (`Body.peek`).

        Raises:
            BadRequest: the request cannot be priced. It is refused, never free.
        """


@runtime_checkable
class Reading(Protocol):
    """One reply's meter, fed while the reply streams to the client."""

    @property
    def complete(self) -> bool:
        """Whether the usage was read, so that nothing that is still to come changes the cost."""

    def feed(self, data: bytes) -> bytes:
        """Look at the next bytes of the reply's body, and return what the client gets of them.

        That is mostly ``data`` itself. What it keeps back, and does not return later, the client
        does not get; the reply's declared length, if any, is not told to the client.
        """

    def cost(self) -> Money | None:
        """Return what the reply did cost if it ends here, or None where it did not say.

        May be asked at any time. Before the reply ended it is what is known so far, which never
        falls.
        """

    def known(self, delivered: int) -> Money | None:
        """Return the least that the call costs, whatever becomes of the reply, or None.

        That is what the reply said so far, priced, though it did not say all, and what was counted:
        where bytes are priced, ``delivered`` of them, for of what was fed the client may not have
        got the rest. May be asked at any time, and never falls.
        """


@runtime_checkable
class Meter(Protocol):
    """Reads from a reply what it did cost."""

    def recognise(self, reply: Reply, route: Route, quote: Quote) -> Reading | None:
        """Return a reading for a reply of this meter's kind, or None. Must not wait.

        ``quote`` is what was quoted for the request, with the price to read by.
        """


@runtime_checkable
class Ledger(Protocol):
    """Holds and books money: exact, durable, once.

    The verbs are plain calls that take the work over at once and return its receipt to wait
    for. Cancelling the waiter never cancels the work. The verbs of one charge id are done in
    the order they were called; each may be repeated. A void of an unknown id is remembered,
    so that a reserve that comes after it fails.

    A charge's id names one attempt, and nothing but that attempt is ended by it.
    """

    def reserve(self, charge: Charge) -> Awaitable[Reservation]:
        """Hold the amount in every window of every budget on the account path, or not at all.

        The receipt raises `BudgetExceeded` where it does not fit and `Failure` where the
        store cannot be asked. A charge with a key raises `IdempotencyConflict` where the agent's
        key came with another fingerprint, or stands for an attempt that is pending or was posted.
        Where that attempt was voided, it is held, and the reservation bears that one's public id.
        """

    def post(
        self, id: str, amount: Money, cause: Cause, basis: Basis = "held"
    ) -> Awaitable[Receipt]:
        """End the reservation as spent; retried until it is durable, never dropped.

        ``basis`` says how the amount came about.
        """

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
        by its name, stay behind too. Nothing is sent twice. What an upstream states of the
        call's cost goes into `Reply.actual_cost` where it is trusted; no reply's field whose
        name begins with ``x-caracal-`` goes on.

        Raises:
            UpstreamUnreachable: it refused or reset.
            UpstreamBrokenReply: it answered, and not in HTTP or not to the end; also from the body.
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


Deliver = Callable[[Reply, Callable[[], Awaitable[None]]], Awaitable[None]]
"""The edge's way to hand a reply to the client: it writes the head and streams the body, and
awaits the second argument, the settlement, before the last byte leaves."""
