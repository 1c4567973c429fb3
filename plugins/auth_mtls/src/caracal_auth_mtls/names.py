"""The names in a certificate, and the one agent that they stand for."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography import x509
from cryptography.x509.oid import NameOID
from msgspec import Struct

from caracal_auth_mtls.config import SPIFFE_BYTES_MAX, SPIFFE_ID
from caracal_auth_mtls.patterns import AGENT_NAME, Pattern
from caracal_core.domain.globs import Globs
from caracal_core.errors import Unauthenticated

NAMES_MAX = 100
"""How many names of one certificate are looked at."""


class Names(Struct, frozen=True):
    """The names in a certificate, by their kind.

    Attributes:
        spiffe: SPIFFE IDs among the URIs of the subject's alternative names.
        uri: its other URIs.
        dns: its DNS names, in lower case.
        cn: the subject's common names.
    """

    spiffe: tuple[str, ...]
    uri: tuple[str, ...]
    dns: tuple[str, ...]
    cn: tuple[str, ...]

    @property
    def spiffe_id(self) -> str | None:
        """The one SPIFFE ID, or None where there is none.

        Raises:
            Unauthenticated: there are several, or it is none by its form.
        """
        if not self.spiffe:
            return None
        if len(self.spiffe) > 1:
            raise Unauthenticated("the certificate has several SPIFFE IDs")
        (found,) = self.spiffe
        if len(found) > SPIFFE_BYTES_MAX or not SPIFFE_ID.fullmatch(found):
            raise Unauthenticated("the certificate's SPIFFE ID is not one by its form")
        return found

    @property
    def alternative(self) -> Names:
        """The same without common names."""
        return Names(self.spiffe, self.uri, self.dns, ())


def names_in(certificate: x509.Certificate) -> Names:
    """Read the names.

    Raises:
        Unauthenticated: there is a wildcard among them, or there are too many.
        ValueError: they cannot be read.
    """
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        found = x509.SubjectAlternativeName([])
    uris = found.get_values_for_type(x509.UniformResourceIdentifier)
    dns = tuple(name.lower() for name in found.get_values_for_type(x509.DNSName))
    common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if len(found) + len(common) > NAMES_MAX:
        raise Unauthenticated(f"the certificate has more than {NAMES_MAX} names")
    if any("*" in name for name in dns):
        raise Unauthenticated("the certificate has a wildcard name")
    spiffe = tuple(uri for uri in uris if uri.lower().startswith("spiffe:"))
    other = tuple(uri for uri in uris if uri not in spiffe)
    return Names(spiffe, other, dns, tuple(_text(attribute) for attribute in common))


def _text(attribute: x509.NameAttribute[str | bytes]) -> str:
    """Return a common name; what is no text matches no pattern."""
    return attribute.value if isinstance(attribute.value, str) else ""


class NameRules:
    """Which agent a certificate may prove.

    Args:
        patterns: in the operator's order.
        agents: the names that may be proved.
    """

    def __init__(self, patterns: Sequence[Pattern], agents: Globs) -> None:
        self._patterns = tuple(patterns)
        self._agents = agents
        self._uses_spiffe = any(pattern.kind == "spiffe" for pattern in patterns)

    def agent(self, names: Names) -> str:
        """Return the agent that the names stand for.

        The first pattern that matches any name decides.

        Raises:
            Unauthenticated: no pattern matches, one matches names of different agents, or
                certificates may not prove this agent.
        """
        if self._uses_spiffe:
            _ = names.spiffe_id  # raises where there is more than one
        for pattern in self._patterns:
            agents = {pattern.agent(name) for name in getattr(names, pattern.kind)} - {None}
            if len(agents) > 1:
                raise Unauthenticated("names in the certificate stand for different agents")
            for agent in agents:
                return self._checked(agent or "")
        raise Unauthenticated("no name in the certificate stands for an agent")

    def _checked(self, agent: str) -> str:
        if not AGENT_NAME.fullmatch(agent):
            raise Unauthenticated("the certificate names what no agent can be called")
        if not self._agents.match(agent):
            raise Unauthenticated("certificates may not prove this agent (auth_mtls.agents)")
        return agent
