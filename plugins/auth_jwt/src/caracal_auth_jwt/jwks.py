"""The keys out of a JWK Set (RFC 7517), of which only what is fit verifies anything."""

from __future__ import annotations

import warnings
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from caracal_auth_jwt import strict_json
from caracal_auth_jwt.algorithms import is_for, signature
from caracal_auth_jwt.header import KEY_ID
from caracal_auth_jwt.key_set import KeySet, NamedKey
from caracal_auth_jwt.keys import Unfit, VerifyingKey

BYTES_MAX = 262_144
KEYS_MAX = 100

_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k", "r", "t"})
_PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "RSA": ("n", "e"),
    "EC": ("crv", "x", "y"),
    "OKP": ("crv", "x"),
}
_TYPES: Mapping[str, type[RSAKey | ECKey | OKPKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
_COORDINATES = {"P-256": 32, "P-384": 48, "P-521": 66, "Ed25519": 32}
_MEND = "Give the issuer's JWK Set, with at least one public key for one of the algorithms."


def load(content: bytes, algorithms: Sequence[str]) -> KeySet:
    """Read a set and bind each of its keys to one algorithm.

    A key for another use or algorithm is passed over. One that is unfit is left out and named in
    `KeySet.refused`, so that one mistake of an issuer's does not stop its other keys.

    Args:
        content: the set as it was published.
        algorithms: what the issuer may sign with.

    Raises:
        Unfit: it is no such set, or there is no usable key in it.
    """
    keys, refused = [], []
    for number, jwk in enumerate(_jwks(content)):
        try:
            found = _named_key(jwk, algorithms)
        except Unfit as unfit:
            refused.append(f"its key {number} {unfit.what}")
        else:
            keys += [found] if found else []
    count = Counter((each.kid, each.key.algorithm) for each in keys if each.kid is not None)
    twice = {name for name, many in count.items() if many > 1}
    refused += [f"several of its keys are called {kid}, and none is used" for kid, _ in twice]
    usable = [each for each in keys if (each.kid, each.key.algorithm) not in twice]
    if not usable:
        raise Unfit("; ".join(["holds no usable key", *refused]), _MEND)
    return KeySet(usable, refused)


def _jwks(content: bytes) -> list[Mapping[str, Any]]:
    """Return the keys of the set."""
    if len(content) > BYTES_MAX:
        raise Unfit("is larger than 256 KiB", _MEND)
    try:
        keys = strict_json.members(content).get("keys")
    except ValueError:
        keys = None
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise Unfit("is no JWK Set that can be read in one way only", _MEND)
    if len(keys) > KEYS_MAX:
        raise Unfit(f"holds more than {KEYS_MAX} keys", _MEND)
    return keys


def _named_key(jwk: Mapping[str, Any], algorithms: Sequence[str]) -> NamedKey | None:
    """Return a key, or None where it is for something else."""
    kind, kid = jwk.get("kty"), jwk.get("kid")
    if kind == "oct":
        raise Unfit("is a secret, which is no secret any more", _MEND)
    if not _PRIVATE.isdisjoint(jwk):
        raise Unfit("holds its private part; the issuer must replace it", _MEND)
    if kid is not None and not (isinstance(kid, str) and KEY_ID.fullmatch(kid)):
        raise Unfit("has a kid of a shape that no token may have", _MEND)
    algorithm = _algorithm(jwk, algorithms)
    if algorithm is None or not isinstance(kind, str) or kind not in _TYPES:
        return None
    parameters = {name: jwk.get(name) for name in _PARAMETERS[kind]}
    for name, value in parameters.items():
        _check_parameter(name, value, jwk.get("crv"))
    return NamedKey(kid, VerifyingKey(_imported(kind, parameters), algorithm))


def _algorithm(jwk: Mapping[str, Any], algorithms: Sequence[str]) -> str | None:
    """Return the one algorithm that a key is for, or None where it is for something else."""
    operations = jwk.get("key_ops", ["verify"])
    verifies = isinstance(operations, list) and "verify" in operations
    if jwk.get("use", "sig") != "sig" or not verifies:
        return None
    if "alg" in jwk:
        named = [name for name in algorithms if signature(name) == signature(str(jwk["alg"]))]
        return named[0] if named else None
    fitting = {
        signature(each) for each in algorithms if is_for(each, jwk.get("kty"), jwk.get("crv"))
    }
    if len(fitting) > 1:
        raise Unfit("names no alg, and several of the issuer's algorithms fit it", _MEND)
    return fitting.pop() if fitting else None


def _check_parameter(name: str, value: object, curve: object) -> None:
    """Refuse a number that is not in its one form (RFC 7518 section 6)."""
    if name == "crv":
        return
    try:
        data = urlsafe_b64decode(f"{value}==") if isinstance(value, str) else b""
    except ValueError:
        data = b""
    if not data or urlsafe_b64encode(data).rstrip(b"=").decode() != value:
        raise Unfit(f"has a {name} that is not base64url", _MEND)
    if name in ("x", "y") and len(data) != _COORDINATES.get(str(curve)):
        raise Unfit(f"has a {name} of another length than its curve's", _MEND)


def _imported(kind: str, parameters: Mapping[str, Any]) -> Key:
    """Return the key in joserfc's form, made of its public numbers and nothing else."""
    try:
        with warnings.catch_warnings():
            # `VerifyingKey` refuses the sizes that this only warns of.
            warnings.simplefilter("ignore", SecurityWarning)
            return _TYPES[kind].import_key({"kty": kind, **parameters})
    except Exception as error:  # joserfc raises what it likes, such as for points off the curve
        raise Unfit("is no readable public key", _MEND) from error
