"""What the operator says about tokens: the section ``auth_jwt``."""

from __future__ import annotations

from pathlib import Path

from pydantic import field_validator, model_validator

from caracal_auth_jwt.algorithms import ALGORITHMS, Algorithm
from caracal_auth_jwt.issuer_config import IssuerConfig, bare_types
from caracal_core.plugin import Config, setting

_FLAT = ("public_key_path", "algorithm", "issuer", "audience")


class JwtConfig(Config):
    """Bearer tokens signed by trusted issuers."""

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
    issuers: tuple[IssuerConfig, ...] = setting(
        (),
        description="The trusted issuers, instead of the four keys above.",
        max_length=64,
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
    cache: int = setting(
        10_000,
        description="How many verified tokens are remembered; 0 verifies each time.",
        ge=0,
        le=1_000_000,
    )
    jwks_refresh_min_seconds: float = setting(
        60.0,
        description="The soonest that a `jwks_url` is fetched again, whatever it says.",
        ge=1,
        le=86_400,
    )
    jwks_refresh_max_seconds: float = setting(
        900.0,
        description="The latest that a `jwks_url` is fetched again, whatever it says.",
        ge=1,
        le=86_400,
    )
    jwks_unknown_kid_seconds: float = setting(
        10.0,
        description="The least time from one fetch of a `jwks_url` to another that unknown key "
        "ids can cause.",
        ge=1,
        le=3_600,
    )
    jwks_timeout: float = setting(
        5.0, description="Seconds that a fetch of a `jwks_url` may take.", gt=0, le=60
    )
    jwks_ttl: float = setting(
        14_400.0,
        description="Seconds that keys stay in force while their `jwks_url` gives no new ones; "
        "then tokens get 503.",
        ge=1,
        le=7 * 86_400,
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
        return bare_types(types)

    @model_validator(mode="after")
    def _names_each_issuer_once(self) -> JwtConfig:
        names = [each.issuer for each in self.issuers]
        if len(names) > 1 and None in names:
            raise ValueError("issuers: with several of them, each needs its issuer")
        if len(names) != len(set(names)):
            raise ValueError("issuers: two of them have the same issuer")
        return self

    @model_validator(mode="after")
    def _has_issuers_in_one_place(self) -> JwtConfig:
        if not self.issuers:
            return self
        defaults = type(self).model_fields
        for name in _FLAT:
            if getattr(self, name) != defaults[name].default:
                raise ValueError(
                    f"issuers and {name} are both set; move what {name} says into issuers"
                )
        return self

    @model_validator(mode="after")
    def _refreshes_in_time(self) -> JwtConfig:
        if not self.jwks_refresh_min_seconds <= self.jwks_refresh_max_seconds <= self.jwks_ttl:
            raise ValueError(
                "jwks_refresh_min_seconds, jwks_refresh_max_seconds and jwks_ttl must not fall"
            )
        return self
