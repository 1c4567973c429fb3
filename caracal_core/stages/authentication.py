"""Who asks, and whether the agent and its credentials are good now."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from caracal_core.domain import Agent, Principal, Request, Route
from caracal_core.domain.header_credentials import are_two
from caracal_core.errors import BadRequest, Unauthenticated
from caracal_core.stages.deadline import Due
from caracal_core.stages.part import Part
from caracal_core.stages.proof import check_proof, rested_on


class Scheme(Struct, frozen=True):
    """One enabled authentication scheme.

    Attributes:
        name: the mode's name, as routes list it.
        challenge: its ``WWW-Authenticate`` challenge; empty where it has none.
        headers: names of the header fields that its credential is in. One that proves by the
            connection has none, and may stand beside one in a header field.
        authenticator: what proves it.
    """

    name: str
    challenge: str
    headers: frozenset[str]
    authenticator: Part[Principal | None]


class Authentication:
    """Asks the schemes that the route accepts, in the operator's order, then what is known.

    Args:
        schemes: the enabled ones, in AUTH_MODE's order.
        directory: knows the registered agents.
        revocations: knows the revoked credentials.
        known: what is known of a credential's revocation without a wait; `Revocations.known`.
    """

    def __init__(
        self,
        schemes: Sequence[Scheme],
        directory: Part[Agent | None],
        revocations: Part[bool],
        known: Callable[[Principal], bool | None],
    ) -> None:
        self._schemes = tuple(schemes)
        self._directory = directory
        self._revocations = revocations
        self._known = known
        self._headers = frozenset(name for scheme in schemes for name in scheme.headers)
        self._accepted: dict[frozenset[str], tuple[Scheme, ...]] = {}

    async def authenticate(self, request: Request, route: Route, due: Due) -> Principal:
        """Return the principal with its account path.

        Every credential that is shown and accepted is verified. Beside a bad one a good one
        proves nothing.

        Raises:
            BadRequest: two header credentials of enabled schemes, whether they are good or not.
            Unauthenticated: nobody was proved, a credential is bad or revoked, two of them prove
                different agents, or the agent is unknown or disabled; in one wording, with every
                challenge.
            Failure: an authenticator's principal makes no sense.
        """
        self._refuse_two(request)
        accepted = self._accepts(route.terms.schemes)
        try:
            proofs = await self._prove(request, accepted, due)
            return await self._admit(proofs, due)
        except Unauthenticated as refusal:
            challenges = [scheme.challenge for scheme in accepted if scheme.challenge]
            raise Unauthenticated(refusal.internal, challenges=challenges) from None

    def _refuse_two(self, request: Request) -> None:
        shown = [name for name, _ in request.headers if name in self._headers]
        if are_two(shown, [scheme.headers for scheme in self._schemes]):
            raise BadRequest("Two credentials were sent; send one.")

    def _accepts(self, names: frozenset[str]) -> tuple[Scheme, ...]:
        """Return the schemes of these names; routes have few different sets of them."""
        accepted = self._accepted.get(names)
        if accepted is None:
            accepted = tuple(s for s in self._schemes if not names or s.name in names)
            self._accepted[names] = accepted
        return accepted

    @staticmethod
    async def _prove(request: Request, accepted: Sequence[Scheme], due: Due) -> list[Principal]:
        """Verify every credential that was shown; together they must prove one agent."""
        proofs: list[Principal] = []
        by_header = False
        for scheme in accepted:
            principal = await scheme.authenticator(due, request)
            if principal is None:
                continue
            check_proof(scheme.authenticator.name, scheme.name, principal)
            if scheme.headers and by_header:
                raise BadRequest("Two credentials were sent; send one.")
            by_header = by_header or bool(scheme.headers)
            proofs.append(principal)
        if not proofs:
            raise Unauthenticated("no credential of an accepted scheme was shown")
        if len({proof.id for proof in proofs}) > 1:
            raise Unauthenticated("two credentials prove different agents")
        return proofs

    async def _admit(self, proofs: Sequence[Principal], due: Due) -> Principal:
        """Look up the agent and each credential; all are asked before any answer counts."""
        first = proofs[0]
        agent = await self._directory(due, first.id)
        revoked = False
        for proof in proofs:
            known = self._known(proof)
            if known is None:
                known = await self._revocations(due, proof)
            revoked = revoked or known
        if agent is None or not agent.enabled:
            raise Unauthenticated("the agent is unknown or disabled")
        if revoked:
            raise Unauthenticated("the credential was revoked")
        return replace(
            first,
            accounts=agent.accounts,
            schemes=tuple(proof.scheme for proof in proofs),
            once=tuple(once for proof in proofs for once in proof.once),
            via=rested_on(proofs),
        )
