"""What the tokens of each trusted issuer must be, whichever way it was configured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from caracal_auth_jwt.claims import AGENT_NAME, ClaimRules
from caracal_auth_jwt.config import JwtConfig
from caracal_auth_jwt.header import HeaderRules
from caracal_auth_jwt.issuer_config import IssuerConfig
from caracal_core.domain.globs import Globs

T = TypeVar("T")


class Terms(Struct, frozen=True):
    """The configuration of one issuer, complete.

    Attributes:
        issuer: what ``iss`` must be; None accepts any.
        audiences: one of which ``aud`` must be or contain; empty accepts any.
        algorithms: what it may sign with.
        agents: globs over the names that it may prove.
        agent_claim: the claim that names the agent; None takes ``agent_id``, else ``sub``.
        leeway_seconds: how far its clock and ours may be apart.
        max_lifetime_seconds: the longest its tokens may be valid.
        types: accepted values of ``typ``, bare.
        accept_untyped: whether ``typ`` may be absent.
        required_claims: claims that must be there.
        single_use: whether a token is good for one request.
    """

    issuer: str | None
    audiences: tuple[str, ...]
    algorithms: tuple[str, ...]
    agents: tuple[str, ...]
    agent_claim: str | None
    leeway_seconds: float
    max_lifetime_seconds: float
    types: tuple[str, ...]
    accept_untyped: bool
    required_claims: tuple[str, ...] = ()
    single_use: bool = False

    @property
    def header_rules(self) -> HeaderRules:
        """What a token's header is held against."""
        return HeaderRules(frozenset(self.algorithms), frozenset(self.types), self.accept_untyped)

    @property
    def claim_rules(self) -> ClaimRules:
        """What a token's claims are held against."""
        return ClaimRules(
            issuer=self.issuer,
            audiences=frozenset(self.audiences) or None,
            agent_claim=self.agent_claim,
            leeway_seconds=self.leeway_seconds,
            max_lifetime_seconds=self.max_lifetime_seconds,
            agents=Globs(self.agents),
            required=frozenset(self.required_claims),
            single_use=self.single_use,
        )

    def may_prove(self, agent: str) -> bool:
        """Say whether the issuer's tokens may name this agent."""
        return bool(AGENT_NAME.fullmatch(agent)) and Globs(self.agents).match(agent)

    def named(self, issuer: str) -> Terms:
        """Return these terms for one issuer's name."""
        return replace(self, issuer=issuer)


def terms_of(config: JwtConfig) -> Sequence[Terms]:
    """Return the terms of every issuer of the list, or of the one that the flat keys make."""
    if not config.issuers:
        return [_flat(config)]
    return [_listed(config, each) for each in config.issuers]


def _flat(config: JwtConfig) -> Terms:
    """Return the terms of the issuer with one pinned key, which may prove any agent."""
    return Terms(
        issuer=config.issuer,
        audiences=() if config.audience is None else (config.audience,),
        algorithms=(config.algorithm,),
        agents=("*",),
        agent_claim=config.agent_claim,
        leeway_seconds=config.leeway_seconds,
        max_lifetime_seconds=config.max_lifetime_seconds,
        types=config.types,
        accept_untyped=config.accept_untyped,
    )


def _listed(config: JwtConfig, each: IssuerConfig) -> Terms:
    """Return the terms of an issuer of the list; what it leaves open is as the section says."""
    return Terms(
        issuer=each.issuer,
        audiences=each.audience,
        algorithms=each.algorithms,
        agents=each.agents,
        agent_claim=each.agent_claim or config.agent_claim,
        leeway_seconds=_or(each.leeway_seconds, config.leeway_seconds),
        max_lifetime_seconds=_or(each.max_lifetime_seconds, config.max_lifetime_seconds),
        types=_or(each.types, config.types),
        accept_untyped=_or(each.accept_untyped, config.accept_untyped),
        required_claims=each.required_claims,
        single_use=each.single_use,
    )


def _or(own: T | None, common: T) -> T:
    return common if own is None else own
