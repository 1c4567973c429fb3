"""From the configuration to the trusted issuers; nothing is opened."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from caracal_auth_jwt import jwks, pem, secret
from caracal_auth_jwt.config import JwtConfig
from caracal_auth_jwt.issuer import Issuer
from caracal_auth_jwt.issuer_config import IssuerConfig
from caracal_auth_jwt.jwks_url import JwksUrl, Pace, Place
from caracal_auth_jwt.key_file import KeyFile
from caracal_auth_jwt.key_set import PinnedKey
from caracal_auth_jwt.key_source import KeySource
from caracal_auth_jwt.terms import terms_of


def issuers_of(config: JwtConfig) -> Sequence[Issuer]:
    """Return the issuers of the list, or the one that the flat keys make."""
    listed = [_keys(config, number, each) for number, each in enumerate(config.issuers)]
    return [
        Issuer(keys, terms.header_rules, terms.claim_rules)
        for keys, terms in zip(listed or [_pinned(config)], terms_of(config), strict=True)
    ]


def _pinned(config: JwtConfig) -> KeySource:
    """Return where the one key of the flat keys comes from."""
    where = "auth_jwt.public_key_path (JWT_PUBLIC_KEY_PATH)"
    return KeyFile(config.public_key_path, where, partial(_pem, algorithm=config.algorithm))


def _keys(config: JwtConfig, number: int, each: IssuerConfig) -> KeySource:
    """Return where the keys of an issuer of the list come from."""
    where = f"auth_jwt.issuers[{number}]"
    load_set = partial(jwks.load, algorithms=each.algorithms)
    if each.public_key_file is not None:
        load_pem = partial(_pem, algorithm=each.algorithms[0])
        return KeyFile(each.public_key_file, f"{where}.public_key_file", load_pem)
    if each.secret_file is not None:
        return KeyFile(each.secret_file, f"{where}.secret_file", _secret)
    if each.jwks_file is not None:
        return KeyFile(each.jwks_file, f"{where}.jwks_file", load_set)
    assert each.jwks_url is not None, "IssuerConfig sees to it"  # noqa: S101 - by construction
    ca_file = None if each.ca_file is None else str(each.ca_file)
    place = Place(each.jwks_url, ca_file, each.allow_private, each.allow_http)
    return JwksUrl(place, load_set, _pace(config))


def _pace(config: JwtConfig) -> Pace:
    return Pace(
        refresh_min=config.jwks_refresh_min_seconds,
        refresh_max=config.jwks_refresh_max_seconds,
        unknown_kid=config.jwks_unknown_kid_seconds,
        timeout=config.jwks_timeout,
        ttl=config.jwks_ttl,
    )


def _pem(content: bytes, algorithm: str) -> PinnedKey:
    return PinnedKey(pem.load(content, algorithm))


def _secret(content: bytes) -> PinnedKey:
    return PinnedKey(secret.load(content))
