"""What an authenticator says of whom it proved makes sense, or nobody goes by it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from caracal_core.domain import CredentialName, Principal
from caracal_core.errors import Failure
from caracal_core.stages.once import check_once, is_time

VIA_MAX = 8
"""How much else one proof may rest on; each is asked about, and named in the exchange's line."""

NAME_MAX = 256
SCHEME_MAX = 64


def check_proof(part: str, scheme: str, principal: Principal) -> None:
    """Check what the principal's revocation and its single use hang on, before either is asked.

    A time of issue that is no number would be after every revocation, and a name that is no text
    would never be found among them.

    Args:
        part: the authenticator.
        scheme: the scheme that it proves by.
        principal: what it gave.

    Raises:
        Failure: it is of another scheme, a name or a time is none, or it says something once
            that cannot be claimed.
    """
    if not (isinstance(principal.id, str) and principal.scheme == scheme):
        raise Failure(part, f"{scheme}: its principal has no name or another scheme")
    if principal.credential is not None and not _is_name(principal.credential, NAME_MAX):
        raise Failure(
            part, f"{scheme}: a credential's name is not 1-{NAME_MAX} printable characters"
        )
    if principal.issued_at is not None and not is_time(principal.issued_at):
        raise Failure(part, f"{scheme}: issued_at is no finite number")
    via: Any = principal.via
    if not isinstance(via, tuple) or len(via) > VIA_MAX or not all(map(_is_credential, via)):
        raise Failure(part, f"{scheme}: via is no tuple of at most {VIA_MAX} credentials' names")
    check_once(part, scheme, principal.once)


def rested_on(proofs: Sequence[Principal]) -> tuple[CredentialName, ...]:
    """Return the names of all that these proofs rest on, but the first one's own credential."""
    first, *others = proofs
    names = list(first.via)
    for proof in others:
        if proof.credential is not None:
            names.append(CredentialName(proof.scheme, proof.credential))
        names.extend(proof.via)
    return tuple(names)


def _is_credential(said: Any) -> bool:
    return (
        isinstance(said, CredentialName)
        and _is_name(said.scheme, SCHEME_MAX)
        and _is_name(said.id, NAME_MAX)
    )


def _is_name(said: Any, most: int) -> bool:
    return isinstance(said, str) and 0 < len(said) <= most and said.isprintable()
