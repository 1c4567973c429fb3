"""Who asks: what a credential proved, and who pays for it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct

from caracal_core.domain.nonce import Once

NO_ATTRIBUTES: Mapping[str, str] = MappingProxyType({})


class CredentialName(Struct, frozen=True):
    """A credential by what it is called where it is revoked; never the credential itself.

    Attributes:
        scheme: the authentication mode that it is of, such as ``mtls``.
        id: its public name, unique within that scheme: 1-256 printable characters.
    """

    scheme: str
    id: str


class Principal(Struct, frozen=True):
    """An agent whose credential was verified.

    Attributes:
        id: the agent's name: 1-128 of ``A-Z a-z 0-9 . _ : / @ | + = -``.
        scheme: the authentication mode that proved it, such as ``jwt``.
        attributes: what else the credential proved, for policies; never a secret.
        accounts: who pays, the agent's own account first and then its parents. Authenticators
            leave it empty; the agent directory fills it in.
        credential: a public name of the credential that was shown, unique within its scheme, by
            which it alone can be revoked: at most 256 printable characters, never the credential
            itself. None where it has no name.
        issued_at: unix seconds of the earliest moment it may have been issued, so that all of an
            agent's older ones can be revoked at once: what its issuer's clock said, less what that
            clock may be fast. None where it does not say.
        schemes: every scheme that proved it, in AUTH_MODE's order. Authenticators leave it empty;
            the gateway fills it in.
        once: what of the credentials is good for one request only, at most 8 of each credential's;
            it is claimed like a nonce.
        via: what else the proof rests on, at most 8: such as the certificate of the proxy that
            passed this credential on. Where one of these is revoked, nothing is proved. The
            gateway adds the credentials of the other schemes that proved the agent, and theirs.
    """

    id: str
    scheme: str
    attributes: Mapping[str, str] = NO_ATTRIBUTES
    accounts: tuple[str, ...] = ()
    credential: str | None = None
    issued_at: float | None = None
    schemes: tuple[str, ...] = ()
    once: tuple[Once, ...] = ()
    via: tuple[CredentialName, ...] = ()


class Agent(Struct, frozen=True):
    """A registered agent, as the directory knows it.

    Attributes:
        name: the agent's name, which is also its account's.
        enabled: a disabled agent is refused like an unknown one.
        accounts: the account path, from its own account up to the root.
    """

    name: str
    enabled: bool
    accounts: tuple[str, ...]
