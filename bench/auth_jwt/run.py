"""CPU per authenticated token, with and without the cache of verified tokens.

Usage: python bench/auth_jwt/run.py [--rounds 9] [--calls 2000] [--json FILE]

Method. One authenticator is opened on a key file, as the gateway opens it, and asked for the
same request again and again: once with `cache: 0`, which verifies each time, and once with the
cache, which looks the token's digest up and holds expiry and keys against it. The figure is the
process's CPU time divided by the calls, in microseconds; the rounds of both are interleaved after
one that is not counted, and the table shows their median and spread. Nothing else of a request
is in it: no HTTP, no directory, no nonce.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from importlib.metadata import version
from pathlib import Path

from joserfc.jwk import ECKey, OKPKey, RSAKey

from caracal_auth_jwt.config import JwtConfig
from caracal_auth_jwt.minting import mint
from caracal_auth_jwt.plugin import JwtPlugin
from caracal_core.domain import Request
from caracal_core.ports import Authenticator
from caracal_core.testing.fakes import FakeClock, a_request, a_services

ISSUER, AUDIENCE = "https://idp.example", "caracal"
NOW = 1_800_000_000
KEYS: dict[str, Callable[[], RSAKey | ECKey | OKPKey]] = {
    "RS256": lambda: RSAKey.generate_key(2048),
    "PS256": lambda: RSAKey.generate_key(2048),
    "ES256": lambda: ECKey.generate_key("P-256"),
    "Ed25519": lambda: OKPKey.generate_key("Ed25519"),
}


def a_token(algorithm: str, private_pem: bytes) -> Request:
    """Return a request that bears a good token."""
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "research-1",
        "iat": NOW,
        "exp": NOW + 600,
        "jti": "0123456789abcdef0123456789abcdef",
        "scope": "read write",
    }
    token = mint(private_pem, algorithm, claims)
    return a_request(headers={"authorization": f"Bearer {token}"})


async def cpu_microseconds(authenticator: Authenticator, request: Request, calls: int) -> float:
    """Return what one call costs, of so many in a row."""
    begin = time.process_time()
    for _ in range(calls):
        await authenticator.authenticate(request)
    return (time.process_time() - begin) / calls * 1e6


async def measure(algorithm: str, rounds: int, calls: int) -> dict[str, list[float]]:
    """Return the figures of each round, by whether there was a cache."""
    key = KEYS[algorithm]()
    request = a_token(algorithm, key.as_pem(private=True))
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        path = directory / "public.pem"
        path.write_bytes(key.as_pem(private=False))
        authenticators = {}
        for name, cache in (("verified", 0), ("remembered", 10_000)):
            config = JwtConfig(
                public_key_path=path,
                algorithm=algorithm,
                issuer=ISSUER,
                audience=AUDIENCE,
                cache=cache,
            )
            plugin, services = JwtPlugin(config), a_services(clock=FakeClock(NOW))
            (authenticators[name],) = plugin.authenticators(services)
            await stack.enter_async_context(plugin.lifespan(services))
        figures: dict[str, list[float]] = {name: [] for name in authenticators}
        for number in range(rounds + 1):
            for name, authenticator in authenticators.items():
                figure = await cpu_microseconds(authenticator, request, calls)
                if number:
                    figures[name].append(figure)
        return figures


def row(algorithm: str, figures: dict[str, list[float]]) -> str:
    """Return a line of the table."""
    cells = [
        f"{statistics.median(each):8.1f} ({min(each):.1f}-{max(each):.1f})"
        for each in figures.values()
    ]
    return f"{algorithm:8} {cells[0]:>24} {cells[1]:>24}"


def versions(names: Sequence[str]) -> str:
    """Return the versions of what is measured."""
    return ", ".join(f"{name} {version(name)}" for name in names)


async def main() -> None:
    """Measure, print the table, and write the figures where asked to."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    print(f"Python {platform.python_version()}, {versions(['joserfc', 'cryptography'])}")
    print(f"CPU us a token, median (spread) of {chosen.rounds} rounds of {chosen.calls} calls")
    print(f"{'':8} {'verified each time':>24} {'remembered':>24}")
    found = {}
    for algorithm in KEYS:
        found[algorithm] = await measure(algorithm, chosen.rounds, chosen.calls)
        print(row(algorithm, found[algorithm]))
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(found, indent=2))


asyncio.run(main())
