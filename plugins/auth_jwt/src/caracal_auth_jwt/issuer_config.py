"""What the operator says about one trusted issuer: an entry of ``auth_jwt.issuers``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from caracal_auth_jwt.algorithms import SECRET_ALGORITHM, Algorithm, SecretAlgorithm
from caracal_auth_jwt.token_types import NEVER_ACCESS, bare_type
from caracal_core.domain.globs import AGENT_GLOB
from caracal_core.plugin import Config, setting

MOST_CLAIMS = 16

_URL = r"^https?://[!-~]{1,2000}$"
_USERINFO = re.compile(r"https?://[^/?#]*@", re.ASCII)


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def bare_types(types: Iterable[str]) -> tuple[str, ...]:
    """Return the types as they are compared.

    Raises:
        ValueError: one of them is empty or grants no access.
    """
    bare = tuple(bare_type(typ) for typ in types)
    if "" in bare:
        raise ValueError("holds an empty type; accept_untyped is for tokens without one")
    if not NEVER_ACCESS.isdisjoint(bare):
        raise ValueError(f"holds a type that grants no access: {', '.join(sorted(NEVER_ACCESS))}")
    return bare


def _glob(text: str) -> str:
    if not AGENT_GLOB.fullmatch(text):
        raise ValueError("holds a character that no agent's name has, besides * and ?")
    return text


Text = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
ClaimName = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Audiences = Annotated[tuple[Text, ...], BeforeValidator(_listed), Field(max_length=16)]
Globs = Annotated[
    tuple[Annotated[str, AfterValidator(_glob)], ...],
    BeforeValidator(_listed),
    Field(max_length=1000),
]


class IssuerConfig(Config):
    """One trusted issuer of tokens."""

    issuer: Text | None = setting(
        None,
        description="What `iss` must be, to the letter; only an issuer that is the only one may "
        "be without it.",
    )
    audience: Audiences = setting(
        description="What `aud` must be or contain: one or several.", min_length=1
    )
    algorithms: tuple[Algorithm | SecretAlgorithm, ...] = setting(
        description="The accepted signature algorithms; each key is good for one of them.",
        min_length=1,
        max_length=12,
    )
    agents: Globs = setting(
        description="The names of agents that this issuer may prove; `*` and `?` are special.",
        min_length=1,
    )
    public_key_file: Path | None = setting(None, description="File with its one public key (PEM).")
    jwks_file: Path | None = setting(
        None, description="File with its keys as a JWK Set; like each key file it may be replaced."
    )
    jwks_url: str | None = setting(
        None, description="Where it publishes its keys as a JWK Set.", pattern=_URL
    )
    secret_file: Path | None = setting(
        None, description="File with the secret of HS256, 32 bytes or more, one newline left out."
    )
    ca_file: Path | None = setting(
        None,
        description="PEM file of the only authorities that the certificate of `jwks_url` may come "
        "from.",
    )
    allow_private: bool = setting(
        False, description="Whether `jwks_url` may be at a loopback, private or like address."
    )
    allow_http: bool = setting(False, description="Whether `jwks_url` may be plain HTTP.")
    agent_claim: ClaimName | None = setting(
        None, description="The claim that names the agent; unset, the section's."
    )
    leeway_seconds: float | None = setting(
        None,
        description="How far its clock and ours may be apart; unset, the section's.",
        ge=0,
        le=300,
    )
    max_lifetime_seconds: float | None = setting(
        None,
        description="The longest that its tokens may be valid; unset, the section's.",
        gt=0,
        le=366 * 86_400,
    )
    types: tuple[str, ...] | None = setting(
        None, description="Accepted values of `typ`; unset, the section's.", max_length=16
    )
    accept_untyped: bool | None = setting(
        None, description="Whether a token without `typ` is accepted; unset, the section's."
    )
    required_claims: tuple[ClaimName, ...] = setting(
        (),
        description="Claims that must be there, besides `exp`, `iss` and `aud`.",
        max_length=MOST_CLAIMS,
    )
    single_use: bool = setting(
        False,
        description="Whether a token is good for one request: its `jti` is claimed like a nonce.",
    )

    @field_validator("jwks_url")
    @classmethod
    def _without_userinfo(cls, url: str | None) -> str | None:
        """Refuse what would never be sent, and would be shown wherever the configuration is."""
        if url is not None and _USERINFO.match(url):
            raise ValueError("holds a user or password before @, and none is sent: take it out")
        return url

    @field_validator("types")
    @classmethod
    def _types_of_access_tokens(cls, types: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return None if types is None else bare_types(types)

    @model_validator(mode="after")
    def _has_one_source_of_keys(self) -> IssuerConfig:
        given = (self.public_key_file, self.jwks_file, self.jwks_url, self.secret_file)
        if sum(source is not None for source in given) != 1:
            raise ValueError(
                "give exactly one of public_key_file, jwks_file, jwks_url and secret_file"
            )
        if self.jwks_url is None and (self.ca_file or self.allow_private or self.allow_http):
            raise ValueError("ca_file, allow_private and allow_http belong to jwks_url")
        return self

    @model_validator(mode="after")
    def _has_a_secret_for_hs256_only(self) -> IssuerConfig:
        if self.secret_file is not None and self.algorithms != (SECRET_ALGORITHM,):
            raise ValueError(f"a secret_file goes with algorithms: [{SECRET_ALGORITHM}]")
        if self.secret_file is None and SECRET_ALGORITHM in self.algorithms:
            raise ValueError(f"{SECRET_ALGORITHM} needs a secret_file and no public key")
        if self.public_key_file is not None and len(self.algorithms) != 1:
            raise ValueError("the key of a public_key_file is good for one of the algorithms")
        return self
