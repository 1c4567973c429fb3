"""From the connection's certificate to a proven agent, judged anew on every request."""

from __future__ import annotations

from collections.abc import Collection
from hashlib import sha256

from msgspec import Struct

from caracal_auth_mtls.facts import Facts, examine
from caracal_auth_mtls.forwarding import Forwarding, Proved
from caracal_auth_mtls.names import NameRules
from caracal_auth_mtls.revocation import Revocation
from caracal_auth_mtls.trust import Trust
from caracal_auth_mtls.xfcc import FIELD
from caracal_core.domain import CredentialForm, CredentialName, Principal, Request
from caracal_core.errors import Unauthenticated
from caracal_core.lru_cache import LruCache
from caracal_core.ports import Clock

REMEMBERED_MAX = 10_000
"""How many certificates are judged once only, as far as time does not change the verdict."""


class Judged(Struct, frozen=True):
    """What time does not change: the facts, or why there is nothing to believe."""

    facts: Facts | None
    refusal: str = ""


class MtlsAuthenticator:
    """Proves agents by the certificate that TLS proved, or that a trusted proxy passed on.

    Args:
        rules: which agent a certificate may prove.
        trust: tells which authorities are believed.
        revocation: tells which certificates are revoked.
        forwarding: proves what proxies pass on.
        proxies: the SPIFFE IDs of the proxies that are believed.
        strict: as in the configuration.
        clock: tells the time.
    """

    scheme = "mtls"
    challenge = ""
    headers: frozenset[str] = frozenset()
    credential_form = CredentialForm(
        "[0-9a-f]{64}",
        "64 characters of 0-9 and a-f, SHA-256 of what its authority signed",
        "caracal certs show FILE",
    )

    def __init__(
        self,
        rules: NameRules,
        trust: Trust,
        revocation: Revocation,
        forwarding: Forwarding,
        proxies: Collection[str],
        clock: Clock,
        *,
        strict: bool,
    ) -> None:
        self._rules, self._trust, self._revocation = rules, trust, revocation
        self._forwarding, self._proxies = forwarding, frozenset(proxies)
        self._clock, self._strict = clock, strict
        self._judged: LruCache[bytes, Judged] = LruCache(REMEMBERED_MAX)

    async def authenticate(self, request: Request) -> Principal | None:
        """Return the agent that the client's certificate proves, or None where it has none.

        Nothing is looked up: no file, network or database is asked.
        """
        connection = request.connection
        if connection.certificate is None:
            return None
        now = self._clock.now()
        proved = Proved(connection.certificate, connection.issuers)
        facts = self._believe(proved, now)
        via: tuple[CredentialName, ...] = ()
        if self._proxies and facts.names.spiffe and facts.names.spiffe_id in self._proxies:
            via = (CredentialName(self.scheme, facts.credential),)
            proved = self._forwarding.prove(request.headers.all(FIELD), now)
            facts = self._believe(proved, now)
        names = facts.names.alternative if proved.constrained else facts.names
        return Principal(
            self._rules.agent(names),
            self.scheme,
            facts.attributes,
            credential=facts.credential,
            issued_at=facts.issued_at,
            via=via,
        )

    def _believe(self, proved: Proved, now: float) -> Facts:
        """Return a certificate's facts while it is valid, not revoked and its authority believed.

        Raises:
            Unauthenticated: it is not to be believed.
        """
        facts = self._facts(proved.certificate, proved.issuers)
        if now < facts.not_before:
            raise Unauthenticated("the certificate is not valid yet")
        if now > facts.not_after:
            raise Unauthenticated("the certificate has expired")
        self._trust.check(facts.links[-1].signer, now)
        self._revocation.judge(facts.links, now)
        return facts

    def _facts(self, certificate: bytes, issuers: tuple[bytes, ...]) -> Facts:
        key = sha256(certificate)
        for issuer in issuers:
            key.update(sha256(issuer).digest())
        judged = self._judged.get(key.digest())
        if judged is None:
            judged = self._judge(certificate, issuers)
            self._judged.put(key.digest(), judged)
        if judged.facts is None:
            raise Unauthenticated(judged.refusal)
        return judged.facts

    def _judge(self, certificate: bytes, issuers: tuple[bytes, ...]) -> Judged:
        try:
            return Judged(examine(certificate, issuers, strict=self._strict))
        except Unauthenticated as refusal:
            return Judged(None, refusal.internal)
