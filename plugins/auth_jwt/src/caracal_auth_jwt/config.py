"""What the operator says about tokens: the section ``auth_jwt``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

from pydantic import field_validator

from caracal_core.plugin import Config, setting

Algorithm = Literal[
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "Ed25519",
    "EdDSA",
]
"""The signatures of RFC 7518, 8037 and 9864 that a public key can verify."""

ALGORITHMS: tuple[str, ...] = get_args(Algorithm)

_NEVER_ACCESS = frozenset({"id_token", "dpop+jwt", "logout+jwt", "secevent+jwt"})
"""Types of tokens that are signed by the same keys and grant no access."""


class JwtConfig(Config):
    """Bearer tokens signed with one pinned key."""

    public_key_path: Path = setting(
        Path("/etc/caracal/tls/jwt_public.pem"),
        env="JWT_PUBLIC_KEY_PATH",
        description="File with the one public key (PEM) that signatures are verified with; "
        "a replaced file is taken up within 5 seconds.",
    )
    algorithm: Algorithm = setting(
        "RS256",
        env="JWT_ALGORITHM",
        description="The only signature algorithm that is accepted; what a token says of itself "
        "never chooses.",
    )
    issuer: str | None = setting(
        None,
        env="JWT_ISSUER",
        description="What `iss` must be; unset, any issuer's token signed with the key passes.",
        min_length=1,
        max_length=1024,
    )
    audience: str | None = setting(
        None,
        env="JWT_AUDIENCE",
        description="What `aud` must be or contain; unset, tokens made for others pass too.",
        min_length=1,
        max_length=1024,
    )
    agent_claim: str | None = setting(
        None,
        description="The claim that names the agent; unset, `agent_id` if there is one, "
        "else `sub`.",
        min_length=1,
        max_length=128,
    )
    leeway_seconds: float = setting(
        30.0,
        description="How far the issuer's clock and ours may be apart.",
        ge=0,
        le=300,
    )
    max_lifetime_seconds: float = setting(
        86_400.0,
        description="The longest that a token may be valid, from `iat` (or now) to `exp`.",
        gt=0,
        le=366 * 86_400,
    )
    max_token_bytes: int = setting(
        8192,
        description="The longest token that is looked at.",
        ge=256,
        le=65_536,
    )
    types: tuple[str, ...] = setting(
        ("jwt", "at+jwt"),
        description="Accepted values of the header's `typ`; letter case and a leading "
        "`application/` make no difference.",
        max_length=16,
    )
    accept_untyped: bool = setting(
        True,
        description="Whether a token without `typ` is accepted.",
    )

    @field_validator("algorithm", mode="before")
    @classmethod
    def _public_key_algorithm(cls, value: object) -> object:
        if isinstance(value, str) and value not in ALGORITHMS:
            why = "HS* algorithms need the signer's own secret" if value[:2] == "HS" else "unknown"
            raise ValueError(f"is not accepted ({why}); one of {', '.join(ALGORITHMS)}")
        return value

    @field_validator("types")
    @classmethod
    def _types_of_access_tokens(cls, types: tuple[str, ...]) -> tuple[str, ...]:
        bare = tuple(bare_type(typ) for typ in types)
        if "" in bare:
            raise ValueError("holds an empty type; accept_untyped is for tokens without one")
        if not _NEVER_ACCESS.isdisjoint(bare):
            raise ValueError(f"holds a type that grants no access: {', '.join(_NEVER_ACCESS)}")
        return bare


def bare_type(typ: str) -> str:
    """Return a media type as it is compared: without ``application/``, in lower case.

    RFC 7515 section 4.1.9 lets the prefix be left out.
    """
    return typ.lower().removeprefix("application/")
