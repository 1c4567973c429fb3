"""An issuer's keys at its URL: fetched at the start, again before they age, and when unknown."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

from msgspec import Struct

from caracal_auth_jwt.jwks import BYTES_MAX
from caracal_auth_jwt.key_set import KeySet
from caracal_auth_jwt.key_source import Tools
from caracal_auth_jwt.keys import Unfit
from caracal_core.domain import Headers
from caracal_core.errors import Failure
from caracal_core.ports import Counter, Fetched, Metrics

_OK = 200
_MAX_AGE = re.compile(r"\s*max-age\s*=\s*\"?([0-9]{1,9})\"?\s*", re.ASCII | re.IGNORECASE)
_EARLY = 0.8
"""The part of the age after which keys are fetched again."""
_RETRY_SECONDS = (5.0, 10.0, 20.0, 30.0)
"""How soon a fetch that failed is repeated, the first times; later as the last time."""


class Place(Struct, frozen=True):
    """Where keys are, and who may stand there; see `caracal_core.ports.Http.get`."""

    url: str
    ca_file: str | None = None
    allow_private: bool = False
    allow_http: bool = False

    @property
    def told(self) -> str:
        """The URL as logs may have it: without its query, which may hold a key to it."""
        return self.url.partition("?")[0]


class Pace(Struct, frozen=True):
    """How often keys are fetched, in seconds.

    Attributes:
        refresh_min: the soonest after a good fetch, whatever the issuer says.
        refresh_max: the latest.
        unknown_kid: the least from any fetch to one that an unknown key id causes.
        timeout: how long a fetch may take.
        ttl: how long keys stay in force without a good fetch.
    """

    refresh_min: float
    refresh_max: float
    unknown_kid: float
    timeout: float
    ttl: float


class JwksUrl:
    """Keys that follow their URL, which nothing but the configuration ever names.

    Implements `KeySource`. A broken answer keeps the last good keys until they are too old.

    Args:
        place: where they are.
        load: reads keys out of what is fetched; raises `Unfit`.
        pace: how often they are fetched.
    """

    def __init__(self, place: Place, load: Callable[[bytes], KeySet], pace: Pace) -> None:
        self._place, self._load, self._pace = place, load, pace
        self._tools: Tools | None = None
        self._keys: KeySet | None = None
        self._document = b""
        self._good_until = 0.0
        self._asked_at = 0.0
        self._wait_seconds = 0.0
        self._failures = 0
        self._asking: asyncio.Task[None] | None = None
        self._asked = asyncio.Event()
        self._fault = ""

    @property
    def broken(self) -> bool:
        return bool(self._fault)

    @property
    def was_ready(self) -> bool:
        return self._keys is not None

    def current(self) -> KeySet:
        tools = self._tools
        if tools is None or self._keys is None:
            raise self._failure("there are no keys yet")
        if tools.clock.monotonic() >= self._good_until:
            raise self._failure("the keys are too old")
        return self._keys

    async def renewed(self) -> bool:
        """Fetch again, unless that was done just now; join whoever is fetching.

        However many unknown key ids clients send, they cause one fetch in `Pace.unknown_kid`.
        """
        tools = self._tools
        if tools is None:
            return False
        if self._asking is None:
            if tools.clock.monotonic() - self._asked_at < self._pace.unknown_kid:
                return False
            self._ask(tools)
        await self._answered()
        return True

    async def open(self, tools: Tools) -> None:
        """Fetch for the first time; an issuer that is down does not stop the start."""
        self._tools = tools
        for result in ("good", "failed"):
            _fetches(tools.metrics, result)  # published as 0 from the start, so that alerts rise
        self._ask(tools)
        await self._answered()

    async def follow(self) -> None:
        tools = self._tools
        assert tools is not None  # noqa: S101 - it was opened
        while True:
            await self._idle_until_due()
            if self._asking is None:
                self._ask(tools)
            await self._answered()

    async def close(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            await self._answered()

    async def _idle_until_due(self) -> None:
        """Wait until the next fetch is due; a fetch meanwhile puts it off."""
        while True:
            self._asked.clear()
            try:
                async with asyncio.timeout(self._wait_seconds):
                    await self._asked.wait()
            except TimeoutError:
                return

    def _ask(self, tools: Tools) -> None:
        self._asked_at = tools.clock.monotonic()
        self._asking = asyncio.create_task(self._fetch(tools), name="jwks")

    async def _answered(self) -> None:
        """Wait for whoever is fetching; being cancelled does not cancel the fetch."""
        if self._asking is not None:
            await asyncio.wait([self._asking])

    async def _fetch(self, tools: Tools) -> None:
        """Fetch once, and say how it went."""
        try:
            fetched = await tools.http.get(
                self._place.url,
                most_bytes=BYTES_MAX,
                seconds=self._pace.timeout,
                ca_file=self._place.ca_file,
                allow_private=self._place.allow_private,
                allow_http=self._place.allow_http,
            )
            self._take(fetched, tools)
        except Exception as error:  # noqa: BLE001 - whoever follows must never stop following
            self._fail(_words(error), tools)
        finally:
            self._asking = None
            self._asked.set()

    def _take(self, fetched: Fetched, tools: Tools) -> None:
        """Put the fetched keys in force.

        Raises:
            Unfit: they are no usable keys.
        """
        if fetched.status != _OK:
            raise Unfit(f"was answered with status {fetched.status}", "")
        if self._keys is None or fetched.body != self._document:
            self._keys = self._load(fetched.body)
            self._document = fetched.body
            tools.log.info("the keys from %s were taken up", self._place.told)
            for sentence in self._keys.refused:
                tools.log.warning("%s: %s", self._place.told, sentence)
        if self._fault:
            tools.log.info("%s gives keys again", self._place.told)
        self._good_until = tools.clock.monotonic() + self._pace.ttl
        self._wait_seconds = _EARLY * self._age(fetched.headers)
        self._failures, self._fault = 0, ""
        _fetches(tools.metrics, "good").add()

    def _age(self, headers: Headers) -> float:
        """Return how long the answer says that it holds good, within the configured bounds."""
        said = ",".join(headers.all("cache-control")).split(",")
        ages = [float(match[1]) for match in map(_MAX_AGE.fullmatch, said) if match]
        wanted = min(ages, default=self._pace.refresh_max)
        return min(max(wanted, self._pace.refresh_min), self._pace.refresh_max)

    def _failure(self, why: str) -> Failure:
        return Failure(
            "auth_jwt authenticator", f"{self._place.told}: {why}. {self._fault}".strip()
        )

    def _fail(self, why: str, tools: Tools) -> None:
        again = _RETRY_SECONDS[min(self._failures, len(_RETRY_SECONDS) - 1)]
        self._wait_seconds = min(again, self._pace.refresh_max)
        self._failures += 1
        _fetches(tools.metrics, "failed").add()
        if why != self._fault:
            tools.log.error("%s: %s The last good keys stay in force.", self._place.told, why)
        self._fault = why


def _words(error: Exception) -> str:
    """Say what went wrong, for the operator."""
    if isinstance(error, Failure):
        return f"{error.internal}."
    if isinstance(error, Unfit):
        return f"What it gave {error.what}."
    return f"Fetching raised {type(error).__name__}."


def _fetches(metrics: Metrics, result: str) -> Counter:
    return metrics.counter("jwks_fetches", "Fetches of issuers' keys.", result=result)
