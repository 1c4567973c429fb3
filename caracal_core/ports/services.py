"""What the house lends its plugins: the store, the time, secrets, keys, metrics, documents."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeVar, runtime_checkable

from msgspec import Struct

from caracal_core.domain import HashKey, Headers

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
        wait at the same time together; each is done or rolled back by itself. Statements that would
        begin or end a transaction, or change the connection (such as ``COMMIT``, ``SAVEPOINT``,
        ``PRAGMA``, ``SET``), are refused, from every verb.

        Args:
            work: what to do. It waits for nothing but its statements: where the store is SQLite it
                runs in another thread, and is rolled back where it waits for something else.
                It may be called again where nothing of it was done, so it changes nothing but the
                store. The statements may not be used after it.

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


@runtime_checkable
class Signer(Protocol):
    """An Ed25519 key (RFC 8032) that signs in the deployment's name.

    Attributes:
        id: the public key's JWK thumbprint (RFC 7638).
        public: the public key's 32 bytes.
    """

    @property
    def id(self) -> str:
        """The public key's name."""

    @property
    def public(self) -> bytes:
        """The public key."""

    def sign(self, data: bytes) -> bytes:
        """Return the 64 bytes of the signature. Say first in the data what it is signed for."""


class SigningKeys(Protocol):
    """The deployment's own signing key."""

    def read(self) -> Signer | None:
        """Read its file anew; None where there is none, so that nothing is signed.

        It waits for the disk: call it in a thread.

        Raises:
            Misconfigured: the file cannot be had or holds no usable key.
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
