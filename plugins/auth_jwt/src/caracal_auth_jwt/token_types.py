"""What tells a token that grants access from others that the same keys sign.

RFC 8725 section 3.11: a header's ``typ`` tells them apart, where issuers write it. Where they do
not, some claims betray an ID token, a DPoP proof or an event; the rest is the audience's to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from caracal_core.errors import Unauthenticated

NEVER_ACCESS = frozenset({"id_token", "dpop+jwt", "logout+jwt", "secevent+jwt"})
"""Types of tokens that are signed by the same keys and grant no access."""

_ACCESS_TYPE = "at+jwt"  # RFC 9068 section 2.1
_OTHERS_CLAIMS = frozenset({"at_hash", "c_hash", "s_hash", "events", "htm", "htu", "nonce"})
"""Claims of ID tokens (OpenID Connect Core), events (RFC 8417) and DPoP proofs (RFC 9449)."""

_ACCESS_SAID = (("typ", "Bearer"), ("token_use", "access"))
_OTHER_SAID = (("typ", ("ID", "Refresh", "Offline", "Logout")), ("token_use", ("id", "refresh")))
"""What two widespread issuers write among the claims, for want of a ``typ`` in the header."""


def bare_type(typ: str) -> str:
    """Return a media type as it is compared: without ``application/``, in lower case.

    RFC 7515 section 4.1.9 lets the prefix be left out.
    """
    return typ.lower().removeprefix("application/")


def check_claims(header: Mapping[str, Any], claims: Mapping[str, Any]) -> None:
    """Refuse a token whose claims betray that it is no access token.

    Args:
        header: its header; an access token that says so there is believed.
        claims: its claims.

    Raises:
        Unauthenticated: it is another kind of token.
    """
    typ = header.get("typ")
    if isinstance(typ, str) and bare_type(typ) == _ACCESS_TYPE:
        return
    if any(claims.get(name) in values for name, values in _OTHER_SAID if _is_text(claims, name)):
        raise Unauthenticated("the token says that it is no access token")
    if any(claims.get(name) == value for name, value in _ACCESS_SAID):
        return
    if not _OTHERS_CLAIMS.isdisjoint(claims):
        raise Unauthenticated("the token has a claim of ID tokens, proofs or events")


def _is_text(claims: Mapping[str, Any], name: str) -> bool:
    return isinstance(claims.get(name), str)
