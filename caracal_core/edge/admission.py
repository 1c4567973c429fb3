"""Who may look behind the gateway's walls: somebody local, or the bearer of a token."""

from __future__ import annotations

import hmac
import logging
from pathlib import Path
from typing import NoReturn

from caracal_core.domain import Request
from caracal_core.edge.loopback import is_loopback
from caracal_core.errors import Denied, Misconfigured, Unauthenticated

TOKEN_BYTES = 4096
"""The longest token."""

CHALLENGE = 'Bearer realm="caracal operations"'

_FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-real-ip")
_log = logging.getLogger("caracal.operations")


class OperatorCheck:
    """Lets operators pass.

    Args:
        token_file: holds the token; it is read at each use, so a rotated one counts at once.
            None: only local callers pass.
    """

    def __init__(self, token_file: Path | None) -> None:
        self._token_file = token_file

    def admit(self, request: Request) -> None:
        """Return if the caller is an operator.

        Raises:
            Unauthenticated: the caller showed no token, or a wrong one.
            Denied: there is no token to show.
        """
        if is_local(request):
            return
        if self._token_file is None:
            raise Denied("only local callers: OPERATIONS_TOKEN_FILE is not set")
        shown = _bearer(request)
        token = _token(self._token_file)
        # Both are compared even where one is missing, so that time tells nothing.
        if not hmac.compare_digest(shown, token) or not token:
            raise Unauthenticated("not the operations token", challenges=[CHALLENGE])


def is_local(request: Request) -> bool:
    """Return whether somebody on this machine asks, and asks for this machine.

    A proxy beside the gateway connects from a loopback address whoever stands behind it, and
    a browser can be led here under a foreign name (DNS rebinding); neither counts as local.
    """
    if not is_loopback(request.connection.peer):
        return False
    if any(name in request.headers for name in _FORWARDED):
        return False
    return is_loopback(_host(request.headers.get("host") or ""))


def _host(field: str) -> str:
    """Return the host of a Host field without its port (RFC 9110 section 7.2)."""
    if field.startswith("["):
        return field[1:].partition("]")[0]
    return field.partition(":")[0]


def _bearer(request: Request) -> bytes:
    """Return the shown token, or nothing (RFC 6750 section 2.1)."""
    scheme, _, token = (request.headers.get("authorization") or "").partition(" ")
    return token.strip().encode("latin-1") if scheme.lower() == "bearer" else b""


def _token(path: Path) -> bytes:
    """Return the token; a file that cannot be used opens nothing."""
    try:
        return read_token(path)
    except Misconfigured as error:
        _log.warning("nobody from afar is let in: %s", error)
        return b""


def read_token(path: Path) -> bytes:
    """Return the operations token.

    Raises:
        Misconfigured: the file cannot be read, is empty or is too long.
    """
    try:
        with path.open("rb") as file:
            content = file.read(TOKEN_BYTES + 1)
    except OSError as error:
        _refuse(f"{path} cannot be read ({error.strerror})")
    if len(content) > TOKEN_BYTES:
        _refuse(f"{path} is longer than {TOKEN_BYTES} bytes")
    if not content.strip():
        _refuse(f"{path} is empty")
    return content.strip()


def _refuse(what: str) -> NoReturn:
    raise Misconfigured(
        "operations.token_file (OPERATIONS_TOKEN_FILE)",
        what,
        "Put the token there, or leave the key out: only local callers look in then.",
    )
