"""What a token is called where it is revoked: its issuer and its own ``jti`` (RFC 7519)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection

from caracal_core.domain import CredentialForm

NAME_MAX = 256
"""The longest name; a longer one is told by its digest."""

_DIGEST = "sha256:"
_SHOWN = "as the log's line of an exchange has it in credential_id"


def name_of(issuer: str | None, jti: str | None) -> str | None:
    """Return the name by which a token can be revoked, or None where it has no ``jti``."""
    if not jti:
        return None
    name = jti if issuer is None else f"{issuer} {jti}"
    if len(name) > NAME_MAX:
        return f"{_DIGEST}{hashlib.sha256(name.encode()).hexdigest()}"
    return name


def form_of(issuers: Collection[str | None]) -> CredentialForm:
    """Return what the names of tokens look like.

    Args:
        issuers: what ``iss`` of tokens may be; None is anything, or nothing.
    """
    names = [name for name in issuers if name is not None]
    if len(names) < len(issuers):
        return CredentialForm(".+", f"its issuer, if it has one, a space and its jti, {_SHOWN}")
    each = "|".join(map(re.escape, names))
    words = f"its issuer, which is {' or '.join(names)}, a space and its jti, {_SHOWN}"
    return CredentialForm(rf"(?:{each}) .+|{_DIGEST}[0-9a-f]{{64}}", words)
