"""Who asks, and whether the agent directory knows them."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from caracal_core.domain import Agent, Principal, Request, Route
from caracal_core.errors import BadRequest, Unauthenticated
from caracal_core.stages.deadline import Due
from caracal_core.stages.part import Part


class Scheme(Struct, frozen=True):
    """One enabled authentication scheme.

    Attributes:
        name: the mode's name, as routes list it.
        challenge: its ``WWW-Authenticate`` challenge; empty where it has none.
        by_header: whether its credential is in a header field. One that proves by the
            connection may stand beside it.
        authenticator: what proves it.
    """

    name: str
    challenge: str
    by_header: bool
    authenticator: Part[Principal | None]


class Authentication:
    """Asks the schemes that the route accepts, in the operator's order, then the directory."""

    def __init__(self, schemes: Sequence[Scheme], directory: Part[Agent | None]) -> None:
        self._schemes = tuple(schemes)
        self._directory = directory
        self._accepted: dict[frozenset[str], tuple[Scheme, ...]] = {}

    async def authenticate(self, request: Request, route: Route, due: Due) -> Principal:
        """Return the principal with its account path.

        Raises:
            Unauthenticated: nobody was proved, a credential is bad, or the agent is unknown
                or disabled; in one wording, with every challenge.
            BadRequest: two header credentials.
        """
        accepted = self._accepts(route.terms.schemes)
        try:
            principal = await self._prove(request, accepted, due)
            agent = await self._directory(due, principal.id)
            if agent is None or not agent.enabled:
                raise Unauthenticated("the agent is unknown or disabled")  # noqa: TRY301
        except Unauthenticated as refusal:
            challenges = [scheme.challenge for scheme in accepted if scheme.challenge]
            raise Unauthenticated(refusal.internal, challenges=challenges) from None
        return replace(principal, accounts=agent.accounts)

    def _accepts(self, names: frozenset[str]) -> tuple[Scheme, ...]:
        """Return the schemes of these names; routes have few different sets of them."""
        accepted = self._accepted.get(names)
        if accepted is None:
            accepted = tuple(s for s in self._schemes if not names or s.name in names)
            self._accepted[names] = accepted
        return accepted

    @staticmethod
    async def _prove(request: Request, accepted: Sequence[Scheme], due: Due) -> Principal:
        """Verify every credential that was shown; together they must prove one agent."""
        proved: Principal | None = None
        by_header = False
        for scheme in accepted:
            principal = await scheme.authenticator(due, request)
            if principal is None:
                continue
            if scheme.by_header and by_header:
                raise BadRequest("Two credentials were sent; send one.")
            by_header = by_header or scheme.by_header
            if proved is not None and proved.id != principal.id:
                raise Unauthenticated("two credentials prove different agents")
            proved = principal if proved is None else _beside(proved, principal)
        if proved is None:
            raise Unauthenticated("no credential of an accepted scheme was shown")
        return proved


def _beside(first: Principal, second: Principal) -> Principal:
    """Return the first with what the second one's credential may say once."""
    return replace(first, once=first.once + second.once) if second.once else first
