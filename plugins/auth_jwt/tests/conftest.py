"""Issuers with real keys, and the plugin opened on a key file as the house would open it."""

import json
import warnings
from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import AsyncExitStack
from functools import cache
from itertools import count

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from caracal_auth_jwt.algorithms import ALGORITHMS
from caracal_auth_jwt.config import JwtConfig
from caracal_auth_jwt.plugin import JwtPlugin
from caracal_core.errors import Unauthenticated
from caracal_core.testing.fakes import a_request, a_services

NOW = 1_800_000_000
CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}


def encoded(data):
    return urlsafe_b64encode(data).rstrip(b"=").decode()


@cache
def _private_key(kind):
    if kind == "RSA":
        return RSAKey.generate_key(2048)
    return OKPKey.generate_key(kind) if kind == "Ed25519" else ECKey.generate_key(kind)


class Issuer:
    """Signs whatever a test wants signed, with one key and algorithm."""

    def __init__(self, algorithm, key=None):
        kind = CURVES.get(algorithm, "Ed25519" if algorithm.startswith("Ed") else "RSA")
        self.algorithm = algorithm
        self.key = key or _private_key(kind)
        if algorithm != "HS256":
            self.public_pem = self.key.as_pem(private=False)
            self.private_pem = self.key.as_pem(private=True)

    def claims(self, **changes):
        """Return good claims with these changed; None leaves one out."""
        claims = {"sub": "research-1", "iat": NOW - 5, "exp": NOW + 600} | changes
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, header=None, **claims):
        """Sign good claims, with changes, under a good header with members added or replaced."""
        payload = json.dumps(self.claims(**claims)).encode()
        members = {"alg": self.algorithm, "typ": "JWT"} | (header or {})
        return self.sign(json.dumps(members).encode(), payload)

    @staticmethod
    def decoded(text):
        """Read base64url without padding."""
        return urlsafe_b64decode(text + "==")

    def sign(self, header, payload):
        """Sign these very bytes."""
        return self.sign_parts(f"{encoded(header)}.{encoded(payload)}")

    def sign_parts(self, signing_input):
        """Sign two encoded parts as they are."""
        name = self.algorithm
        with warnings.catch_warnings(action="ignore"):  # that EdDSA has a newer name
            model = JWSRegistry(algorithms=[name]).get_alg(name)
        return f"{signing_input}.{encoded(model.sign(signing_input.encode(), self.key))}"


@pytest.fixture(params=ALGORITHMS)
def every_issuer(request):
    """An issuer of each algorithm in turn."""
    return Issuer(request.param)


@pytest.fixture
def issuer():
    """An issuer that signs with RS256."""
    return Issuer("RS256")


@pytest.fixture
def make_issuer():
    """Make an issuer of an algorithm, with a given private key or a shared one."""
    return Issuer


@pytest.fixture
def make_key():
    """Return the shared private key of a kind: ``RSA``, ``P-256``, ..., ``Ed25519``."""
    return _private_key


@pytest.fixture
def bearer():
    """Make a request that shows a token."""
    return lambda token: a_request(headers={"authorization": f"Bearer {token}"})


@pytest.fixture(scope="session")
def encode():
    """Write bytes as base64url without padding."""
    return encoded


@pytest.fixture(scope="session")
def ask():
    """Return the answer to an Authorization value; it must come without any waiting."""

    def asked(authenticator, value):
        coroutine = authenticator.authenticate(a_request(headers={"authorization": value}))
        try:
            coroutine.send(None)
        except StopIteration as end:
            return end.value
        finally:
            coroutine.close()
        raise AssertionError("verifying waited for something")

    return asked


@pytest.fixture(scope="session")
def refused(ask):
    """Say whether a token proves nobody; its refusal must have a reason without the token."""

    def is_refused(authenticator, token):
        try:
            return ask(authenticator, f"Bearer {token}") is None
        except Unauthenticated as refusal:
            reason = refusal.internal
        assert reason
        assert len(token) < 16 or token[:16] not in reason
        return True

    return is_refused


@pytest.fixture
async def opened(tmp_path):
    """Open the plugin on an issuer's public key; the authenticator is what comes out."""
    numbers = count()
    async with AsyncExitStack() as stack:

        async def open_plugin(issuer, /, **settings):
            path = tmp_path / f"{next(numbers)}.pem"
            path.write_bytes(issuer.public_pem)
            config = JwtConfig(public_key_path=path, algorithm=issuer.algorithm, **settings)
            plugin, services = JwtPlugin(config), a_services()
            (authenticator,) = plugin.authenticators(services)
            await stack.enter_async_context(plugin.lifespan(services))
            return authenticator

        yield open_plugin


@pytest.fixture
async def open_issuers():
    """Open the plugin on entries of ``auth_jwt.issuers``; give its authenticator."""
    async with AsyncExitStack() as stack:

        async def open_plugin(*entries, http=None, clock=None, metrics=None, **section):
            plugin = JwtPlugin(JwtConfig(issuers=list(entries), **section))
            services = a_services(http=http, clock=clock, metrics=metrics)
            (authenticator,) = plugin.authenticators(services)
            await stack.enter_async_context(plugin.lifespan(services))
            return authenticator

        yield open_plugin
