"""What the operator says about client certificates: the section ``auth_mtls``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from caracal_auth_mtls.patterns import SEGMENT_ENDS, Pattern, compile_pattern
from caracal_core.domain.globs import AGENT_GLOB
from caracal_core.plugin import Config, setting

SPIFFE_ID = re.compile(
    r"spiffe://[a-z0-9._-]{1,255}(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]+)*", re.ASCII
)
"""A SPIFFE ID without wildcards; the whole of it has at most `SPIFFE_BYTES_MAX` characters."""

SPIFFE_BYTES_MAX = 2048

ANY_SPIFFE_AGENT = "spiffe://*/agent/{agent}"
"""What `caracal certs init` puts into the certificates of agents."""

_Glob = Annotated[str, Field(pattern=f"^{AGENT_GLOB.pattern}$")]
_Text = Annotated[str, Field(min_length=1, max_length=SPIFFE_BYTES_MAX)]


class NameRule(Config):
    """Where in a certificate an agent's name stands; exactly one of the four kinds."""

    spiffe: _Text | None = setting(None, description="A pattern for the SPIFFE ID.")
    uri: _Text | None = setting(None, description="A pattern for other URIs.")
    dns: _Text | None = setting(None, description="A pattern for DNS names.")
    cn: _Text | None = setting(None, description="A pattern for the common name.")
    agent: _Text = setting(
        "{agent}", description="The agent's name, made of the pattern's places in braces."
    )

    @model_validator(mode="after")
    def _one_kind(self) -> NameRule:
        if len([kind for kind in SEGMENT_ENDS if getattr(self, kind) is not None]) != 1:
            raise ValueError(f"needs exactly one of {', '.join(SEGMENT_ENDS)}")
        self.compile()
        return self

    def compile(self) -> Pattern:
        """Return the pattern that this rule stands for.

        Raises:
            ValueError: it is none.
        """
        for kind in SEGMENT_ENDS:
            pattern = getattr(self, kind)
            if pattern is not None:
                return compile_pattern(kind, pattern, self.agent)
        raise ValueError("names no kind")


def _listed(value: object) -> object:
    """Take one path, or several with commas between, as a ConfigMap has them."""
    if isinstance(value, Path):
        return (value,)
    return tuple(map(str.strip, value.split(","))) if isinstance(value, str) else value


class MtlsConfig(Config):
    """Client certificates that the authorities in TLS_CA_FILE issued."""

    names: tuple[NameRule, ...] = setting(
        (),
        description="Where the agent's name stands; the first rule that matches a name decides. "
        f"Unset, `spiffe: {ANY_SPIFFE_AGENT}`, and in relaxed mode then `cn: {{agent}}`.",
        max_length=16,
    )
    agents: tuple[_Glob, ...] = setting(
        ("*",),
        description="The names that certificates may prove, as globs.",
        min_length=1,
        max_length=64,
    )
    strict: bool = setting(
        True,
        description="false also accepts certificates of X.509 version 1, without extended key "
        "usage, and with no name but the common name.",
    )
    crl_file: Annotated[tuple[Path, ...], BeforeValidator(_listed)] = setting(
        (),
        env="MTLS_CRL_FILE",
        description="One file with revocation lists, or several (commas between); PEM or DER. "
        "Once set, a certificate passes only with a valid list of each of its issuers.",
        max_length=16,
    )
    trusted_proxies: tuple[_Text, ...] = setting(
        (),
        description="SPIFFE IDs of proxies whose `X-Forwarded-Client-Cert` is believed.",
        max_length=16,
    )

    @model_validator(mode="after")
    def _consistent(self) -> MtlsConfig:
        if self.strict and any(rule.cn is not None for rule in self.names):
            raise ValueError(
                "names: a common name proves an agent in relaxed mode only "
                "(strict: false); put the name into the certificate as a URI"
            )
        if not all(
            len(each) <= SPIFFE_BYTES_MAX and SPIFFE_ID.fullmatch(each)
            for each in self.trusted_proxies
        ):
            raise ValueError(
                "trusted_proxies: takes SPIFFE IDs, such as spiffe://corp.example/edge"
            )
        return self

    @property
    def patterns(self) -> tuple[Pattern, ...]:
        """The patterns in force, in their order."""
        if self.names:
            return tuple(rule.compile() for rule in self.names)
        usual = compile_pattern("spiffe", ANY_SPIFFE_AGENT, "{agent}")
        return (usual,) if self.strict else (usual, compile_pattern("cn", "{agent}", "{agent}"))
