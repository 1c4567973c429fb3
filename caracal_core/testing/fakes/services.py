"""What the house lends a plugin, without a house."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, NoReturn, TypeVar

from caracal_core.domain import HashKey, Headers
from caracal_core.errors import Failure, Misconfigured
from caracal_core.plugin import Authorities, Services
from caracal_core.ports import (
    Clock,
    Database,
    Dialect,
    Fetched,
    HashKeys,
    Http,
    Row,
    SecretSource,
    Signer,
    SigningKeys,
    Transaction,
)
from caracal_core.testing.fakes.clock import FakeClock

T = TypeVar("T")
Labels = tuple[tuple[str, str], ...]


class FakeCounter:
    """Counts.

    Attributes:
        value: the sum of what was added.
    """

    def __init__(self) -> None:
        self.value = 0.0

    def add(self, amount: float = 1) -> None:
        self.value += amount


class FakeHistogram:
    """Keeps what it is told.

    Attributes:
        values: everything that was observed, in order.
    """

    def __init__(self) -> None:
        self.values: list[float] = []

    def observe(self, value: float) -> None:
        self.values.append(value)


class FakeMetrics:
    """Keeps what plugins measure, for a test to read."""

    def __init__(self) -> None:
        self._counters: dict[tuple[str, Labels], FakeCounter] = {}
        self._histograms: dict[tuple[str, Labels], FakeHistogram] = {}
        self._gauges: dict[str, Callable[[], float]] = {}

    def counter(self, name: str, help: str, **labels: str) -> FakeCounter:
        assert help, "a metric explains itself"  # noqa: S101 - the test's own assertion
        return self._counters.setdefault((name, _sorted(labels)), FakeCounter())

    def histogram(
        self, name: str, help: str, bounds: Sequence[float], **labels: str
    ) -> FakeHistogram:
        assert help, "a metric explains itself"  # noqa: S101 - the test's own assertion
        assert list(bounds) == sorted(bounds), "bounds rise"  # noqa: S101 - as above
        return self._histograms.setdefault((name, _sorted(labels)), FakeHistogram())

    def gauge(self, name: str, help: str, read: Callable[[], float]) -> None:
        assert help, "a metric explains itself"  # noqa: S101 - the test's own assertion
        self._gauges[name] = read

    def counted(self, name: str, **labels: str) -> float:
        """Return what the counter of this name and these labels stands at; 0 if unused."""
        counter = self._counters.get((name, _sorted(labels)))
        return counter.value if counter else 0.0

    def observed(self, name: str, **labels: str) -> Sequence[float]:
        """Return what the histogram of this name and these labels was told."""
        histogram = self._histograms.get((name, _sorted(labels)))
        return tuple(histogram.values) if histogram else ()

    def read(self, name: str) -> float:
        """Return what the gauge reads now.

        Raises:
            KeyError: nobody published it.
        """
        return self._gauges[name]()


class FakeSecrets:
    """Gives the secrets that the test put there.

    Args:
        known: secrets by the file or environment variable they stand in.
    """

    def __init__(self, known: Mapping[str, str] | None = None) -> None:
        self._known = dict(known or {})

    def read(self, source: SecretSource) -> str:
        place = source.file or source.env or ""
        if not self._known.get(place):
            raise Misconfigured(place, "no such secret", "Give it to FakeSecrets.")
        return self._known[place]


class FakeHttp:
    """Answers with the documents that the test put there.

    Attributes:
        documents: the answers by their URLs; the test changes them as it likes. What has none
            cannot be reached.
        asked: every URL that was asked for, in order.
    """

    def __init__(self, documents: Mapping[str, Fetched] | None = None) -> None:
        self.documents = dict(documents or {})
        self.asked: list[str] = []

    def put(self, url: str, body: bytes, *headers: tuple[str, str], status: int = 200) -> None:
        """Let a URL answer with this body from now on."""
        self.documents[url] = Fetched(status, Headers(headers), body)

    async def get(
        self,
        url: str,
        *,
        most_bytes: int,
        seconds: float,  # noqa: ARG002 - the port's; nothing takes time here
        ca_file: str | None = None,  # noqa: ARG002 - as above
        allow_private: bool = False,  # noqa: ARG002 - as above
        allow_http: bool = False,  # noqa: ARG002 - as above
    ) -> Fetched:
        self.asked.append(url)
        fetched = self.documents.get(url)
        if fetched is None or len(fetched.body) > most_bytes:
            raise Failure("test http", "this test has no such document")
        return fetched


class FakeHashKeys:
    """Gives the keys that the test put there.

    Args:
        keys: a fixed one unless given.

    Attributes:
        keys: what is read from now on; without any the file is as good as missing.
    """

    def __init__(self, *keys: HashKey) -> None:
        self.keys = keys or (HashKey(bytes(32)),)

    def read(self) -> Sequence[HashKey]:
        if not self.keys:
            raise Misconfigured("CARACAL_HASH_KEY_FILE", "no such file", "Give keys to the fake.")
        return self.keys


class FakeSigningKeys:
    """Gives the signing key that the test put there; none unless given.

    Args:
        key: what is read.
    """

    def __init__(self, key: Signer | None = None) -> None:
        self.key = key

    def read(self) -> Signer | None:
        return self.key


class NoDatabase:
    """The database of a test that has none: whoever asks it learns that it is down."""

    dialect: Dialect = "sqlite"

    async def fetch(self, _sql: str, *_arguments: object) -> Sequence[Row]:
        return _down()

    async def execute(self, _sql: str, *_arguments: object) -> int:
        return _down()

    def transact(self, _work: Transaction[T]) -> Coroutine[Any, Any, T]:
        return _down()


def a_services(
    *,
    clock: Clock | None = None,
    database: Database | None = None,
    http: Http | None = None,
    metrics: FakeMetrics | None = None,
    secrets: Mapping[str, str] | None = None,
    hash_keys: HashKeys | None = None,
    signing_keys: SigningKeys | None = None,
    authorities: Authorities = tuple,
) -> Services:
    """Make the services of a plugin under test; what is not given is a fake.

    Args:
        clock: a `FakeClock` unless given.
        database: `NoDatabase` unless given.
        http: a `FakeHttp` without a document unless given.
        metrics: a fresh `FakeMetrics` unless given.
        secrets: secrets by the file or environment variable they stand in.
        hash_keys: `FakeHashKeys` with one fixed key unless given.
        signing_keys: `FakeSigningKeys` without a key unless given.
        authorities: gives those who are believed; nobody unless given.
    """
    return Services(
        clock=clock or FakeClock(),
        database=database or NoDatabase(),
        http=http or FakeHttp(),
        metrics=metrics or FakeMetrics(),
        secrets=FakeSecrets(secrets),
        hash_keys=hash_keys or FakeHashKeys(),
        signing_keys=signing_keys or FakeSigningKeys(),
        log=logging.getLogger("caracal.test"),
        authorities=authorities,
    )


def _sorted(labels: Mapping[str, str]) -> Labels:
    return tuple(sorted(labels.items()))


def _down() -> NoReturn:
    raise Failure("test database", "this test has no database")
